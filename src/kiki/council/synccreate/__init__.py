"""SyncCreate owns ad creatives: their copy, versions and pictures. It does not own products or campaigns.

Start at `service.py` (what a request does) and `rendering/worker.py` (how pictures come about). What networks allow
stands in
`limits.py`; text and pictures are made behind `Writer` and `Renderer`.
"""

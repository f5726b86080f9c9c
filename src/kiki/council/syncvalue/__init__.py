"""SyncValue: customer lifetime value, churn risk, and the store's revenue before and after it was connected.

Owns each customer's purchase history (schema `syncvalue`) and what is predicted from it. Holds no personal data:
customers are opaque keys. Start at `service.py`; `valuing.py` says what a customer is worth by the store's fitted
model, `ltv.py` while there is none, `refit` fits.
"""

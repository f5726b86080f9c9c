"""How the page looks: one column on a phone, light or dark as the reader's system is."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--text:#1c1e21;--soft:#5b626b;--line:#d9dde2;--box:#f4f6f8;--link:#0b57b0;
--get:#0b6b3a;--change:#8a4b00;--remove:#a3182a}
@media(prefers-color-scheme:dark){:root{--ground:#14171a;--text:#e4e7ea;--soft:#9aa4ae;--line:#333a41;--box:#1d2226;
--link:#7db8ff;--get:#5fce94;--change:#f0b062;--remove:#ff8a94}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--ground);color:var(--text);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.7rem;margin:.5rem 0}h2{margin:2.5rem 0 .3rem;font-size:1.25rem;border-bottom:1px solid var(--line)}
h3{margin:1.2rem 0 .3rem;font-size:1rem}p{margin:.4rem 0}a{color:var(--link)}
code,pre{font:.88em/1.45 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--box);border:1px solid var(--line);border-radius:6px;padding:.6rem;margin:.4rem 0;max-height:24rem;
overflow:auto;white-space:pre-wrap}
pre.copy{user-select:all;-webkit-user-select:all;cursor:copy}
nav ul{columns:12rem;padding-left:1.1rem;margin:.4rem 0}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
summary{cursor:pointer;padding:.5rem .7rem}
details>div{padding:0 .7rem .7rem;scroll-margin-top:4rem}
.verb{font-weight:700}.get{color:var(--get)}.post,.put,.patch,.options{color:var(--change)}.delete{color:var(--remove)}
.soft{color:var(--soft);font-size:.88em}
.what{display:block;color:var(--soft)}
dl{margin:.3rem 0}dt{margin-top:.5rem}dd{margin:0 0 0 1rem}
.must{color:var(--remove);font-size:.8em}
section.schema{border-top:1px solid var(--line);margin-top:1rem}
"""

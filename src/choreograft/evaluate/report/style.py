"""How a page looks, and the few lines by which it chooses a curve.

The methods' colours are those of Okabe & Ito 2008, "Color Universal Design", lightened for dark pages.
"""

from typing import Final

METHOD_COLOURS: Final = 6
"""Classes `m0` to `m5`; further methods begin again with dashed lines."""

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --soft: #5b6470; --line: #d9dde3; --strong: #eef4fb;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --card: #1d2126; --ink: #e8eaed; --soft: #a2abb6; --line: #363c44; --strong: #1f2f40;
    --c0: #56b4e9; --c1: #e69f00; --c2: #1fbf92; --c3: #e08fbd; --c4: #f0e442; --c5: #ff8a45;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { margin: 0 0 .25rem; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 3rem 0 .5rem; font-size: 1.3rem; }
h3 { margin: 1.5rem 0 .25rem; font-size: 1rem; }
p, ul { margin: .4rem 0; max-width: 46rem; }
.lead { font-size: 1.1rem; color: var(--soft); }
.soft, caption, figcaption, .key { color: var(--soft); font-size: .875rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: 1rem; font-size: .9rem; }
a { color: var(--c0); }
.notes {
  padding: .75rem 1rem .75rem 2rem; max-width: 48rem; border-left: 4px solid var(--c4); background: var(--card);
}
.scroll { overflow-x: auto; margin: .75rem 0 1.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { padding: .25rem 0; text-align: left; }
th, td { padding: .4rem .8rem; text-align: right; vertical-align: baseline; white-space: nowrap; }
th[scope=col] { vertical-align: bottom; border-bottom: 2px solid var(--line); font-weight: 600; }
th[scope=col] span { display: block; color: var(--soft); font-weight: 400; font-size: .8rem; }
th.label, th[scope=row], th[scope=rowgroup] { text-align: left; padding-left: 0; }
th[scope=row], th[scope=rowgroup] { font-weight: 500; white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
tbody { border-bottom: 1px solid var(--line); }
td small { color: var(--soft); font-size: .75rem; }
.ranges td small { display: block; }
td.best { background: var(--strong); }
td.text { text-align: left; white-space: normal; }
tr.truth { color: var(--soft); font-style: italic; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: .75rem 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
.panels figure { margin: 0; padding: .75rem 1rem; border-radius: 8px; background: var(--card); }
figcaption b { color: var(--ink); font-size: .95rem; }
svg { display: block; width: 100%; height: auto; font-family: inherit; overflow: visible; }
svg .grid { stroke: var(--line); fill: none; }
svg .tick { fill: var(--soft); font-size: 11px; }
svg .name { fill: var(--ink); font-size: 13px; }
svg .curve { fill: none; stroke: var(--mine); stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
svg .bar { fill: none; stroke: var(--mine); stroke-width: 3; stroke-linecap: round; opacity: .55; }
svg .dot { fill: var(--mine); }
svg .ring { fill: none; stroke: var(--mine); opacity: .7; }
.m0 { --mine: var(--c0); } .m1 { --mine: var(--c1); } .m2 { --mine: var(--c2); }
.m3 { --mine: var(--c3); } .m4 { --mine: var(--c4); } .m5 { --mine: var(--c5); }
.truth { --mine: var(--soft); }
.dashed { stroke-dasharray: 6 4; }
svg .curve.truth { stroke-dasharray: 2 4; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; padding: 0; list-style: none; }
.key svg { display: inline-block; width: 28px; height: 10px; margin-right: .4rem; }
.chooser { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; margin: .75rem 0; }
.chooser[hidden], figure[hidden], p[hidden] { display: none; }
select {
  margin-left: .4rem; padding: .3rem .5rem; border: 1px solid var(--line); border-radius: 6px; max-width: 100%;
  background: var(--card); color: var(--ink); font: inherit;
}
.curves figure { margin: 0; overflow-x: auto; }
.curves figure svg { min-width: 40rem; }
ol.worst { padding: 0; list-style: none; }
ol.worst > li { margin: 1.25rem 0; }
.pictures { display: flex; flex-wrap: wrap; gap: .75rem; }
.pictures figure { margin: 0; max-width: 100%; min-width: 0; }
@media (min-width: 50rem) { .pictures { flex-wrap: nowrap; } }
.pictures img { display: block; max-width: 100%; height: auto; border-radius: 4px; outline: 3px solid transparent; }
.pictures .is-worst img { outline-color: var(--c1); }
.pictures .is-worst figcaption { color: var(--ink); font-weight: 600; }
.titles { display: grid; font-size: .8rem; color: var(--soft); text-align: center; }
.titles span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding: 0 .15rem; }
.film { margin: 1rem 0 2rem; }
.film > div { max-width: 100%; }
video { display: block; width: 100%; height: auto; background: #181818; border-radius: 4px; }
@media print {
  :root { color-scheme: light; font-size: 10px; }
  body { max-width: none; padding: 0; }
  nav, .chooser, #videos { display: none; }
  .scroll { overflow: visible; }
  th, td { padding: .2rem .5rem; }
  .curves figure svg { min-width: 0; }
  .pictures img { max-height: 16rem; width: auto; }
  figure, li, tr { break-inside: avoid; }
}
"""

SCRIPT: Final = """
const chooser = document.querySelector(".chooser");
if (chooser) {
  const [one, two] = chooser.querySelectorAll("select");
  const figures = document.querySelectorAll(".curves figure");
  const nothing = document.querySelector(".curves .nothing");
  const show = () => {
    nothing.hidden = false;
    for (const figure of figures) {
      figure.hidden = figure.dataset.case !== one.value || figure.dataset.measure !== two.value;
      if (!figure.hidden) nothing.hidden = true;
    }
  };
  chooser.addEventListener("change", show);
  chooser.hidden = false;
  show();
}
"""

"""What the tests ask a browser about a page: JavaScript expressions."""

from __future__ import annotations

WIDTH = "document.documentElement.scrollWidth"

UNFOLD = "document.querySelectorAll('details').forEach(d => { d.open = true; })"

UNFOLD_ONE = "document.querySelectorAll('details').forEach((d, n) => { d.open = n === 0; })"

PALE = """(() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => (c.match(/[0-9.]+/g) || []).map(Number);
  const light = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const behind = e => {
    const box = e.closest('g');
    if (box) return parse(getComputedStyle(box.querySelector('rect.node')).fill);
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || e.closest('title, desc, style, .skip')) continue;
    if (!e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const own = parse(e instanceof SVGElement ? style.fill : style.color);
    const is = ratio(own, behind(e));
    if (is < 4.5) found.push(`${n.data.trim().slice(0, 40)}: ${is.toFixed(2)}`);
  }
  return {found, seen: walk.currentNode !== document.body};
})()"""
"""Texts whose contrast with what is behind them is below WCAG's AA for small text."""

ACTIVE = """[...document.querySelectorAll('*')].filter(e =>
  ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'FORM', 'INPUT', 'IMG', 'VIDEO', 'BASE', 'LINK']
    .includes(e.tagName.toUpperCase()) ||
  e.getAttributeNames().some(n => n.startsWith('on') || n === 'style' || n === 'srcdoc')
).map(e => e.outerHTML.slice(0, 120))"""
"""Elements and attributes that no page of ours has."""

LINKS = "[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"

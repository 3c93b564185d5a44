"""Style and script of the page; both are written into it, so that it needs nothing else."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --page: #fff; --card: #f6f7f9; --ink: #16191d;
  --muted: #667080; --grid: #dfe3e8; --target: #1f6fd6; --source: #d9730d; --good: #1a7f4b;
  --other0: #8b5cf6; --other1: #0f9488; --other2: #d6336c; --other3: #7c6a46; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --ink: #e6e9ed;
  --muted: #97a1ae; --grid: #333a42; --target: #6aa9ff; --source: #f2a154; --good: #4cc38a;
  --other0: #b197fc; --other1: #38c7b8; --other2: #f27ba5; --other3: #c2ab7c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 19px; margin: 44px 0 6px; letter-spacing: -.005em; }
p { margin: 4px 0 12px; max-width: 84ch; }
.lead, .note, figcaption, th { color: var(--muted); }
.note, figcaption { font-size: 13px; }
.source { color: var(--source); font-weight: 600; }
.target { color: var(--target); font-weight: 600; }
.tiles, .charts, .sheet, .two { display: grid; gap: 12px; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(145px, 1fr)); margin: 20px 0 0; }
.tiles div { background: var(--card); border-radius: 10px; padding: 12px 14px; }
.tiles b { display: block; font-size: 19px; line-height: 1.4; font-weight: 650;
  white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.tiles span { font-size: 13px; color: var(--muted); }
.two svg { max-width: 560px; }
.two { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.charts { gap: 20px 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr)); }
.sheet { grid-template-columns: repeat(auto-fit, minmax(110px, 1fr)); gap: 8px; }
.sheet img { display: block; width: 100%; }
.sheet .top { border-radius: 6px 6px 0 0; border-top: 3px solid var(--source); }
.sheet .bottom { border-radius: 0 0 6px 6px; border-bottom: 3px solid var(--target); }
.stack { display: flex; flex-wrap: wrap; gap: 24px; margin-top: 16px; }
.stack img { width: 96px; image-rendering: pixelated; border-radius: 4px; margin-right: 3px; }
figure { margin: 0; } figcaption { margin-top: 4px; }
svg { display: block; width: 100%; height: auto; } svg text { font-family: inherit !important; }
canvas { display: block; width: 100%; border-radius: 8px; }
.player { max-width: 640px; } .player .two { grid-template-columns: 1fr 1fr; }
.controls { display: flex; gap: 12px; align-items: center; margin-top: 10px; }
.controls input { flex: 1; accent-color: var(--target); }
.controls button { font: inherit; width: 5em; padding: 3px 0; border: 1px solid var(--grid);
  border-radius: 6px; background: var(--card); color: var(--ink); cursor: pointer; }
output, td { font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 4px 20px 4px 0; border-bottom: 1px solid var(--grid);
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 500; white-space: nowrap; }
td.set { font-weight: 650; }
.columns { columns: 2 400px; column-gap: 40px; } .columns table { width: 100%; }
details { margin-top: 14px; } summary { cursor: pointer; font-weight: 600; margin-bottom: 8px; }
.scroll { overflow-x: auto; }
"""

SCRIPT = """
for (const player of document.querySelectorAll('.player')) {
  const clip = JSON.parse(player.querySelector('script').textContent);
  const sheets = player.querySelectorAll('img');
  const screens = [...player.querySelectorAll('canvas')].map(c => c.getContext('2d'));
  const labels = player.querySelectorAll('figcaption output');
  const slider = player.querySelector('input');
  const button = player.querySelector('button');
  const clock = player.querySelector('.controls output');
  let playing = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  let position = 0, before = null;
  const draw = () => {
    const now = Math.min(Math.floor(position), clip.count - 1);
    clip.returns.forEach((returns, side) => {
      const i = Math.min(now, returns.length - 1), s = clip.size;
      const x = i % clip.columns * s, y = Math.floor(i / clip.columns) * s;
      screens[side].drawImage(sheets[side], x, y, s, s, 0, 0, s, s);
      labels[side].value = returns[i].toFixed(0);
    });
    slider.value = now;
    clock.value = (now / clip.fps).toFixed(1) + ' s';
    button.textContent = playing ? 'Pause' : 'Play';
  };
  const advance = time => {
    if (playing) {
      position += Math.min(time - (before ?? time), 200) / 1000 * clip.fps;
      if (position >= clip.count + clip.fps / 2) position = 0;
      draw();
    }
    before = time;
    requestAnimationFrame(advance);
  };
  slider.oninput = () => { playing = false; position = Number(slider.value); draw(); };
  button.onclick = () => { playing = !playing; draw(); };
  addEventListener('load', () => { draw(); requestAnimationFrame(advance); });
}
"""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main>
{body}
</main><script>{script}</script></body></html>
"""

"""Colours, rules and the script of pictures in pages."""

LIGHT = (
    "--bg:#ffffff;--card:#ffffff;--line:#bcc6d4;--ink:#1b2430;--muted:#667386;--edge:#8d9aac;"
    "--param:#e6f5ea;--param-line:#5fae7d;--given:#edf3fc;--given-line:#93b1de;--fold:#f2edfb;"
    "--fold-line:#a58fd4;--frame:rgba(96,112,140,.055);--frame-line:#c5cedb;--grad:#c2410c;"
    "--value:#1d4ed8;--now:#f59e0b;--panel:#f7f9fc"
)
DARK = (
    "--bg:#12161d;--card:#1d2430;--line:#46536a;--ink:#e8edf4;--muted:#98a5b8;--edge:#71809a;"
    "--param:#15301f;--param-line:#4a9d6b;--given:#16253a;--given-line:#4a72ad;--fold:#271f3a;"
    "--fold-line:#7b63b8;--frame:rgba(150,168,200,.07);--frame-line:#3b4759;--grad:#fb923c;"
    "--value:#82b4ff;--now:#fbbf24;--panel:#181e28"
)

RULES_OF_PICTURE = """
.wgt-svg{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,
"DejaVu Sans",sans-serif;font-size:11px}
.wgt-svg text{text-anchor:middle;fill:var(--muted)}
.wgt-frame rect{fill:var(--frame);stroke:var(--frame-line)}
.wgt-svg .wgt-frame text{text-anchor:start;font-size:11px;font-weight:600;fill:var(--muted)}
.wgt-node rect{fill:var(--card);stroke:var(--line);stroke-width:1.2}
.wgt-parameter rect,.wgt-leaf rect{fill:var(--param);stroke:var(--param-line)}
.wgt-given rect{fill:var(--given);stroke:var(--given-line)}
.wgt-folded rect{fill:var(--fold);stroke:var(--fold-line)}
.wgt-root rect{stroke:var(--ink);stroke-width:2}
.wgt-svg .wgt-name{font-size:12.5px;font-weight:650;fill:var(--ink)}
.wgt-svg .wgt-value{fill:var(--value)}
.wgt-svg .wgt-grad{fill:var(--grad)}
.wgt-svg .wgt-saved{font-size:10px}
.wgt-edge{fill:none;stroke:var(--edge);stroke-width:1.4}
.wgt-edge.wgt-plain{stroke-dasharray:2 3}
.wgt-head{fill:var(--edge)}
.wgt-local rect{fill:var(--bg);stroke:var(--frame-line)}
.wgt-svg .wgt-local text{fill:var(--grad);font-size:10.5px}
""".replace("\n", "")

RULES_OF_PAGE = """
.wgt{background:var(--bg);color:var(--ink);border:1px solid var(--frame-line);border-radius:10px;
padding:10px 12px;margin:.6em 0;font:13px/1.45 ui-sans-serif,system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
.wgt-bar{display:flex;gap:10px;align-items:center;flex-wrap:wrap;margin-bottom:6px}
.wgt-muted{color:var(--muted)}
.wgt .wgt-slider{flex:1 1 160px;min-width:120px;accent-color:var(--now)}
.wgt .wgt-play{border:1px solid var(--line);background:var(--card);color:var(--ink);
border-radius:6px;width:32px;height:26px;cursor:pointer;padding:0}
.wgt-step{min-width:15em;font-variant-numeric:tabular-nums;color:var(--muted)}
.wgt-body{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start}
.wgt-picture{flex:3 1 340px;overflow:auto;max-height:78vh}
.wgt-picture svg{display:block;margin:0 auto;max-width:100%;height:auto}
.wgt-panel{flex:1 1 250px;max-width:100%;background:var(--panel);border-radius:8px;padding:8px 12px;
box-sizing:border-box;overflow-x:auto;position:sticky;top:8px}
.wgt-panel h4{margin:2px 0 0;font-size:15px;color:var(--ink)}
.wgt-panel p{margin:3px 0}
.wgt-panel .wgt-h{margin:9px 0 2px;font-size:11px;letter-spacing:.04em;text-transform:uppercase;
color:var(--muted)}
.wgt-panel pre,.wgt-panel code{font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,
"DejaVu Sans Mono",monospace;background:none;border:0;color:inherit;padding:0;margin:0;
white-space:pre-wrap;overflow-wrap:anywhere}
.wgt-panel .wgt-v{color:var(--value)}
.wgt-panel .wgt-g{color:var(--grad)}
.wgt-panel table{border-collapse:collapse;width:100%;margin:0;font-size:12px}
.wgt-panel td{padding:2px 8px 2px 0;border:0;vertical-align:top;background:none;color:inherit}
.wgt-panel a{color:inherit;text-decoration:underline dotted;cursor:pointer}
.wgt-node{cursor:pointer;outline:none}
.wgt-node:focus-visible rect{stroke:var(--now)}
.wgt-node.wgt-picked rect{stroke:var(--now);stroke-width:2.4}
.wgt-node.wgt-now rect{stroke:var(--now);stroke-width:3}
.wgt-off{opacity:.22}
.wgt-nograd .wgt-grad,.wgt-nograd.wgt-local{visibility:hidden}
.wgt-edge.wgt-flow{stroke:var(--now);stroke-width:2.6}
.wgt-edge.wgt-back{stroke:var(--grad);stroke-width:2.6}
""".replace("\n", "")

SCRIPT = """function (root) {
  var data = JSON.parse(root.querySelector('.wgt-data').textContent);
  var slider = root.querySelector('.wgt-slider'), said = root.querySelector('.wgt-step');
  var panel = root.querySelector('.wgt-panel'), play = root.querySelector('.wgt-play');
  var nodes = [].slice.call(root.querySelectorAll('.wgt-node'));
  var edges = [].slice.call(root.querySelectorAll('.wgt-edge'));
  var locals = [].slice.call(root.querySelectorAll('.wgt-local'));
  var last = data.walk.length, timer = null;
  slider.max = last + 1;
  slider.value = last + 1;
  function set(el, name, on) { el.classList[on ? 'add' : 'remove'](name); }
  function show() {
    var at = +slider.value, end = at > last, step = at > 0 && !end ? data.walk[at - 1] : null;
    nodes.forEach(function (el) {
      var n = +el.dataset.n, box = data.boxes[n];
      set(el, 'wgt-off', !end && box.f > at);
      set(el, 'wgt-nograd', !end && (!box.b || box.b > at));
      set(el, 'wgt-now', step && step[1] === n);
    });
    edges.forEach(function (el) {
      var a = +el.dataset.a, b = +el.dataset.b;
      set(el, 'wgt-off', !end && data.boxes[b].f > at);
      set(el, 'wgt-flow', step && step[0] === 'f' && step[1] === b);
      set(el, 'wgt-back', step && step[0] === 'b' && step[1] === b &&
        !el.classList.contains('wgt-plain'));
    });
    locals.forEach(function (el) {
      var box = data.boxes[+el.dataset.b];
      set(el, 'wgt-nograd', !end && (!box.b || box.b > at));
    });
    if (end) said.textContent = last > data.forward ?
      'all: ' + data.forward + ' forward, ' + (last - data.forward) + ' backward' : 'all';
    else if (!step) said.textContent = 'before the first entry';
    else said.textContent = (step[0] === 'f' ? 'forward ' + at + '/' + data.forward :
      'backward ' + (at - data.forward) + '/' + (last - data.forward)) + ':  ' + step[2];
    if (step) tell(step[1]);
  }
  function add(parent, tag, text, name) {
    var el = document.createElement(tag);
    if (text !== undefined && text !== null) el.textContent = text;
    if (name) el.className = name;
    parent.appendChild(el);
    return el;
  }
  function link(parent, text, n) {
    if (n < 0) return add(parent, 'span', text);
    var a = add(parent, 'a', text);
    a.tabIndex = 0;
    a.onclick = function () { tell(n); };
    return a;
  }
  function part(name, text, style) {
    if (!text) return;
    add(panel, 'div', name, 'wgt-h');
    add(panel, 'pre', text, style);
  }
  function tell(n) {
    var box = data.boxes[n];
    nodes.forEach(function (el) { set(el, 'wgt-picked', +el.dataset.n === n); });
    panel.textContent = '';
    add(panel, 'h4', box.t);
    add(panel, 'p', box.k + (box.s ? ', ' + box.s : ''), 'wgt-muted');
    if (box.rows) {
      var all = add(panel, 'table');
      box.rows.forEach(function (row) {
        var tr = add(all, 'tr');
        add(tr, 'td', row[0]); add(tr, 'td', row[1]); add(tr, 'td', row[2], 'wgt-g');
      });
      return;
    }
    part('module', box.m);
    part('line', box.l);
    part('arguments', box.a);
    part('time', box.time);
    part('rule', box.r);
    if (box['in'].length) {
      add(panel, 'div', 'inputs', 'wgt-h');
      var ins = add(panel, 'table');
      box['in'].forEach(function (x) {
        var tr = add(ins, 'tr');
        link(add(tr, 'td'), x[0], x[1]);
        add(tr, 'td', x[2], 'wgt-v');
      });
    }
    part('value', box.v, 'wgt-v');
    if (box.sum && box.sum.length) {
      add(panel, 'div', box.sum.length > 1 ? 'chain rule: the sum over ' + box.sum.length +
        ' uses' : 'chain rule: the one use', 'wgt-h');
      var sum = add(panel, 'table');
      box.sum.forEach(function (x, i) {
        var tr = add(sum, 'tr');
        add(tr, 'td', i ? '+' : '');
        link(add(tr, 'td'), x[0], x[1]);
        add(add(tr, 'td'), 'code', x[2], 'wgt-g');
      });
    }
    part('= gradient', box.g, 'wgt-g');
    part('keeps until backward', (box.kept || []).join('\\n'));
  }
  nodes.forEach(function (el) {
    el.addEventListener('click', function () { tell(+el.dataset.n); });
    el.addEventListener('keydown', function (e) { if (e.key === 'Enter') tell(+el.dataset.n); });
  });
  slider.addEventListener('input', show);
  play.addEventListener('click', function () {
    if (timer) { clearInterval(timer); timer = null; play.textContent = '\\u25b6'; return; }
    if (+slider.value > last) slider.value = 0;
    play.textContent = '\\u275a\\u275a';
    timer = setInterval(function () {
      slider.value = +slider.value + 1;
      show();
      if (+slider.value > last) play.click();
    }, Math.max(120, Math.min(800, 20000 / (last + 1))));
  });
  show();
}"""

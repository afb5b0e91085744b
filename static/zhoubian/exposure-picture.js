/* The picture beside the map: how many units lie in each class, how few carry how much, and which lead. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const svg = zhoubian.svg;
  const CARRIED = 0.6; /* the share that the sentence speaks of */
  const TOP = 30;
  const W = 340;

  /* Rows of one layer: [{id, value, pi, reach, issues}], the highest first, ties by id. */
  zhoubian.ranked = function (layer, scale) {
    const values = layer[scale.key];
    const rows = layer.id.map(function (id, i) { return { id: id, value: values[i], reach: layer.reach[i], row: i }; });
    return rows.sort(function (a, b) { return b.value - a.value || (a.id < b.id ? -1 : 1); });
  };

  /* How many of the leading rows carry a share of the sum; null when the sum is nothing. */
  zhoubian.carriers = function (rows, share) {
    const whole = rows.reduce(function (sum, row) { return sum + row.value; }, 0);
    if (!(whole > 0)) { return null; }
    let sum = 0;
    for (let i = 0; i < rows.length; i++) {
      sum += rows[i].value;
      if (sum >= share * whole * (1 - 1e-12)) { return i + 1; }
    }
    return rows.length;
  };

  function histogram(rows, scale) {
    const counts = new Array(scale.colors.length + 1).fill(0); /* the first is the blind spots */
    rows.forEach(function (row) { counts[row.reach === 0 ? 0 : zhoubian.classOf(row.value, scale) + 1] += 1; });
    const height = 112;
    const base = height - 26;
    const most = Math.max.apply(null, counts.concat(1));
    const step = W / counts.length;
    const chart = svg("svg", { viewBox: "0 0 " + W + " " + height, class: "zb-chart", role: "img", "aria-label": zhoubian.text("exposure.histogram") });
    counts.forEach(function (count, i) {
      const tall = count ? Math.max((base - 16) * (count / most), 1.5) : 0;
      const look = i === 0 ? "#ffffff" : scale.colors[i - 1];
      const bar = svg("rect", { x: i * step + 3, y: base - tall, width: step - 6, height: tall, rx: 1.5, fill: look });
      if (i === 1) { bar.setAttribute("stroke", zhoubian.ZERO_EDGE); }
      if (i === 0) { bar.setAttribute("stroke", zhoubian.BLIND.color); bar.setAttribute("stroke-dasharray", "2 2"); }
      chart.appendChild(bar);
      chart.appendChild(svg("text", { x: (i + 0.5) * step, y: base - tall - 4, "text-anchor": "middle", class: "zb-chart-count" }, count ? String(count) : ""));
      const upper = i > 1 ? scale.edges[i - 2] : undefined;
      if (i < 2) {
        chart.appendChild(svg("text", { x: (i + 0.5) * step, y: base + 13, "text-anchor": "middle", class: "zb-chart-tick" }, i ? "0" : zhoubian.text("exposure.blind_short")));
      } else if (upper !== undefined) {
        chart.appendChild(svg("line", { x1: (i + 1) * step, x2: (i + 1) * step, y1: base, y2: base + 4, class: "zb-chart-axis" }));
        chart.appendChild(svg("text", { x: (i + 1) * step, y: base + 14, "text-anchor": "middle", class: "zb-chart-tick" }, zhoubian.number(upper * scale.per)));
      }
    });
    chart.appendChild(svg("line", { x1: 0, x2: W, y1: base + 0.5, y2: base + 0.5, class: "zb-chart-axis" }));
    chart.appendChild(svg("text", { x: W, y: height - 1, "text-anchor": "end", class: "zb-chart-tick" }, scale.unit ? zhoubian.text("exposure.axis_percent") : zhoubian.text("exposure.axis_priority")));
    return chart;
  }

  function curve(rows, carriers) {
    const height = 138;
    const left = 34;
    const base = height - 20;
    const top = 8;
    const chart = svg("svg", { viewBox: "0 0 " + W + " " + height, class: "zb-chart", role: "img", "aria-label": zhoubian.text("exposure.curve") });
    const x = function (count) { return left + (W - left - 4) * (count / rows.length); };
    const y = function (share) { return base - (base - top) * share; };
    const whole = rows.reduce(function (sum, row) { return sum + row.value; }, 0);
    [0, 0.5, 1].forEach(function (share) {
      chart.appendChild(svg("line", { x1: left, x2: W - 4, y1: y(share), y2: y(share), class: share ? "zb-chart-grid" : "zb-chart-axis" }));
      chart.appendChild(svg("text", { x: left - 5, y: y(share) + 3.5, "text-anchor": "end", class: "zb-chart-tick" }, 100 * share + "\u00a0%"));
    });
    chart.appendChild(svg("line", { x1: x(0), x2: x(rows.length), y1: y(0), y2: y(1), class: "zb-chart-even" }));
    const points = [x(0) + "," + y(0)];
    let sum = 0;
    const every = Math.max(1, Math.floor(rows.length / 400));
    rows.forEach(function (row, i) {
      sum += row.value;
      if ((i + 1) % every === 0 || i + 1 === rows.length || i + 1 === carriers) { points.push(x(i + 1).toFixed(1) + "," + y(sum / whole).toFixed(1)); }
    });
    const under = svg("polyline", { points: x(0) + "," + y(0) + " " + points.join(" ") + " " + x(rows.length) + "," + y(0), class: "zb-chart-under" });
    chart.appendChild(under);
    chart.appendChild(svg("polyline", { points: points.join(" "), class: "zb-chart-curve" }));
    const share = zhoubian.sumOf(rows.slice(0, carriers)) / whole;
    chart.appendChild(svg("polyline", { points: left + "," + y(share) + " " + x(carriers) + "," + y(share) + " " + x(carriers) + "," + base, class: "zb-chart-mark" }));
    chart.appendChild(svg("circle", { cx: x(carriers), cy: y(share), r: 3.5, class: "zb-chart-dot" }));
    chart.appendChild(svg("text", { x: x(0), y: height - 5, class: "zb-chart-tick" }, "0"));
    chart.appendChild(svg("text", { x: W - 4, y: height - 5, "text-anchor": "end", class: "zb-chart-tick" }, String(rows.length)));
    const at = Math.min(Math.max(x(carriers), left + 46), W - 60);
    chart.appendChild(svg("text", { x: at, y: height - 5, "text-anchor": "middle", class: "zb-chart-count" }, zhoubian.text("exposure.leading", { n: carriers })));
    return chart;
  }

  zhoubian.sumOf = function (rows) { return rows.reduce(function (sum, row) { return sum + row.value; }, 0); };

  function leaders(rows, scale, nameOf, choose) {
    const list = make("ol", "zb-top");
    const first = rows.slice(0, TOP).filter(function (row) { return row.value > 0; });
    first.forEach(function (row, i) {
      const button = make("button", "zb-row");
      button.type = "button";
      button.dataset.id = row.id;
      button.appendChild(make("span", "zb-number", String(i + 1)));
      button.appendChild(make("span", "zb-row-name", nameOf(row.id)));
      const bar = make("span", "zb-bar-track");
      const fill = make("span", "zb-bar-fill");
      fill.style.width = (100 * row.value / first[0].value).toFixed(1) + "%";
      fill.style.background = scale.colors[zhoubian.classOf(row.value, scale)];
      bar.appendChild(fill);
      button.appendChild(bar);
      button.appendChild(make("span", "zb-row-side", scale.key === "pi" ? zhoubian.percent(row.value) : zhoubian.number(row.value * scale.per)));
      button.addEventListener("click", function () { choose(row.id); });
      const item = make("li");
      item.appendChild(button);
      list.appendChild(item);
    });
    return list;
  }

  /* Fills the picture of one layer anew. */
  zhoubian.picture = function (box, numbers, state, nameOf, choose) {
    const scale = zhoubian.SCALES[state.by];
    const layer = numbers.layers[state.units];
    const rows = zhoubian.ranked(layer, scale);
    const carriers = zhoubian.carriers(rows, CARRIED);
    const blind = rows.filter(function (row) { return row.reach === 0; });
    box.textContent = "";
    if (!rows.length) {
      box.appendChild(make("p", "zb-empty", zhoubian.text("exposure.no_units." + state.units)));
      return;
    }
    box.appendChild(make("h2", "", zhoubian.text("exposure.histogram_title." + state.units)));
    box.appendChild(histogram(rows, scale));
    box.appendChild(make("h2", "", zhoubian.text("exposure.curve_title." + state.by)));
    if (carriers === null) {
      box.appendChild(make("p", "zb-sentence", zhoubian.text("exposure.nothing." + state.by)));
    } else {
      const told = { n: carriers, all: rows.length, share: Math.round(100 * CARRIED), part: zhoubian.number(100 * carriers / rows.length) };
      box.appendChild(make("p", "zb-sentence", zhoubian.text("exposure.carry." + state.units + "." + state.by, told)));
      box.appendChild(curve(rows, carriers));
    }
    const facts = make("dl", "zb-facts");
    const fact = function (label, value) { facts.appendChild(make("dt", "", label)); facts.appendChild(make("dd", "", value)); };
    fact(zhoubian.text("exposure.distinct." + state.units), zhoubian.number(numbers.expected_distinct[state.units]));
    fact(zhoubian.text("exposure.anchors_drawn"), zhoubian.number(numbers.anchors_drawn));
    fact(zhoubian.text("exposure.blind"), zhoubian.text("exposure.of", { n: blind.length, all: rows.length }));
    fact(zhoubian.text("exposure.method"), zhoubian.text("exposure." + numbers.method, { se: zhoubian.percent(numbers.se || 0) }));
    box.appendChild(facts);
    box.appendChild(make("h2", "", zhoubian.text("exposure.top." + state.by)));
    box.appendChild(leaders(rows, scale, nameOf, choose));
    if (!blind.length) { return; }
    box.appendChild(make("h2", "", zhoubian.text("exposure.blind_long")));
    const list = make("div", "zb-top zb-blind");
    zhoubian.short(list, blind, function (row) {
      const button = make("button", "zb-row");
      button.type = "button";
      button.appendChild(make("span", "zb-key zb-key--blind"));
      button.appendChild(make("span", "zb-row-name", nameOf(row.id)));
      button.addEventListener("click", function () { choose(row.id); });
      return button;
    });
    box.appendChild(list);
  };
})();

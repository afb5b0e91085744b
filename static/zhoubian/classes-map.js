/* Places by class: posters short, met, unknown; rounds of visits 0 to 3 and more; school zones. Each class has a
   colour, a shape and a pattern, so that a grey print tells them apart. Folium's script makes the map, the groups and
   the layer control and then calls `zhoubian.classesMap`; a group has the name of its class. In one file everything
   stands in the page. The keys in classes-map.css repeat colours and shapes. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const RED = "#b3261e";
  const ORANGE = "#d98200";
  const BLUE = "#0b6fb0";
  const GREEN = "#23835f";
  const GREY = "#6d757c";
  const CLASSES = {
    posters_short: { color: RED, shape: "triangle", pattern: "cross", dash: [7, 4], wide: 4 },
    posters_met: { color: GREEN, shape: "circle", pattern: "none", dash: null, wide: 3 },
    posters_unknown: { color: GREY, shape: "ring", pattern: "none", dash: [1, 4], wide: 1.6 },
    households_0: { color: RED, shape: "cross", pattern: "cross" },
    households_1: { color: ORANGE, shape: "triangle", pattern: "diagonal" },
    households_2: { color: BLUE, shape: "square", pattern: "dots" },
    households_3: { color: GREEN, shape: "circle", pattern: "none" },
    schools_open: { color: RED, shape: "triangle", pattern: "cross" },
    schools_venue: { color: BLUE, shape: "square", pattern: "dots" },
    schools_past: { color: ORANGE, shape: "diamond", pattern: "diagonal" },
    schools_clear: { color: GREY, shape: "ring", pattern: "none", tint: 0.07 },
  };
  const OUTLINES = {
    triangle: [[0, -1.25], [1.1, 0.75], [-1.1, 0.75]],
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
    cross: [[-1.1, -0.5], [-0.5, -1.1], [0, -0.6], [0.5, -1.1], [1.1, -0.5], [0.6, 0], [1.1, 0.5], [0.5, 1.1], [0, 0.6], [-0.5, 1.1], [-1.1, 0.5], [-0.6, 0]],
  };

  /* A square of 10 pixels that fills an area: a tint with the signs of its class. */
  function pattern(look) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 10;
    const ctx = tile.getContext("2d");
    ctx.globalAlpha = look.tint || 0.16;
    ctx.fillStyle = look.color;
    ctx.fillRect(0, 0, 10, 10);
    ctx.globalAlpha = 0.75;
    ctx.strokeStyle = look.color;
    ctx.lineWidth = 1.2;
    ctx.beginPath();
    if (look.pattern === "diagonal" || look.pattern === "cross") { ctx.moveTo(-1, 11); ctx.lineTo(11, -1); }
    if (look.pattern === "cross") { ctx.moveTo(-1, -1); ctx.lineTo(11, 11); }
    ctx.stroke();
    if (look.pattern === "dots") { ctx.beginPath(); ctx.arc(5, 5, 1.6, 0, 2 * Math.PI); ctx.fill(); }
    return ctx.createPattern(tile, "repeat");
  }

  zhoubian.ClassMark = L.CircleMarker.extend({
    _updatePath: function () {
      const renderer = this._renderer;
      if (!renderer._drawing || this._empty()) { return; }
      const ctx = renderer._ctx;
      const look = CLASSES[this.options.group];
      const p = this._point;
      const r = this._radius;
      const outline = OUTLINES[look.shape];
      ctx.save();
      ctx.beginPath();
      if (outline) {
        outline.forEach(function (c, i) { ctx[i ? "lineTo" : "moveTo"](p.x + c[0] * r, p.y + c[1] * r); });
        ctx.closePath();
      } else {
        ctx.arc(p.x, p.y, r * 0.9, 0, 2 * Math.PI);
      }
      ctx.lineWidth = look.shape === "ring" ? 1.6 : 1.2;
      ctx.strokeStyle = look.shape === "ring" ? look.color : "#ffffff";
      ctx.fillStyle = look.shape === "ring" ? "#ffffff" : look.color;
      ctx.fill();
      ctx.stroke();
      ctx.restore();
    },
  });

  function ask(address) {
    return fetch(address, { credentials: "same-origin" }).then(function (answer) {
      return answer.json().then(function (said) {
        if (!answer.ok) { throw Object.assign(new Error(said.error.message), { told: true }); }
        return said;
      });
    });
  }

  zhoubian.classesMap = function (map, groups) {
    const source = document.getElementById("zb-source");
    const status = document.getElementById("zb-status");
    if (source.tagName === "SCRIPT") {
      const held = JSON.parse(source.textContent);
      zhoubian.texts = held.texts;
      draw(map, groups, held.ground, held.answer);
      status.hidden = true;
      document.body.dataset.ready = "yes";
      return;
    }
    document.body.classList.add("zb-counts");
    const data = source.dataset;
    Promise.all([ask(data.texts), ask(data.ground), ask(data.api)]).then(function (all) {
      zhoubian.texts = all[0];
      draw(map, groups, all[1], all[2]);
      status.hidden = true;
      document.body.dataset.ready = "yes";
    }).catch(function (fault) {
      status.textContent = fault.told ? fault.message : status.dataset.failed + " (" + fault.message + ")";
      document.body.dataset.ready = "failed";
      if (!fault.told) { throw fault; }
    });
  };

  function draw(map, groups, ground, answer) {
    const renderers = zhoubian.panes(map);
    ["zb-areas", "zb-lines", "zb-marks"].forEach(function (name) { map.createPane(name); });
    const areas = L.canvas({ pane: "zb-areas", padding: 0.3 });
    const under = L.canvas({ pane: "zb-lines", padding: 0.3, tolerance: 4 });
    const above = L.canvas({ pane: "zb-marks", padding: 0.3, tolerance: 3 });
    zhoubian.open(map, ground.bounds);
    zhoubian.corners(map, ground.attribution);
    zhoubian.drawRoads(map, groups.roads, ground.roads, renderers.roads);
    map.addLayer(new zhoubian.Labels([], zhoubian.streets(ground.roads, groups.roads)));
    zhoubian.printable(map);
    const fills = {};
    const lines = [];
    const marks = [];

    answer.places.forEach(function (place) {
      const group = place[0];
      const look = CLASSES[group];
      const kind = place[5];
      const paths = place[4].map(zhoubian.decode);
      const say = function () { return zhoubian.make("span", "", place[3]); };
      if (kind === "line") {
        const line = L.polyline(paths, { pane: "zb-lines", renderer: under, color: look.color, weight: look.wide, lineCap: "butt", smoothFactor: 1 });
        line.bindTooltip(say, { sticky: true });
        groups[group].addLayer(line);
        lines.push([line, look]);
        if (group === "posters_unknown") { return; }
      } else if (kind === "area") {
        fills[group] = fills[group] || pattern(look);
        groups[group].addLayer(L.polygon(paths, { pane: "zb-areas", renderer: areas, interactive: false, color: look.color, weight: 1.2, fillColor: fills[group], fillOpacity: 1, smoothFactor: 1 }));
      }
      const mark = new zhoubian.ClassMark([place[2], place[1]], { pane: "zb-marks", renderer: above, group: group, radius: 4 });
      mark.bindTooltip(say);
      groups[group].addLayer(mark);
      marks.push(mark);
    });

    function fit() {
      const zoom = map.getZoom();
      const radius = zoom < 12 ? 2.6 : zoom < 14 ? 4 : zoom < 16 ? 5.5 : 7;
      const swell = Math.min(Math.max(0.5 + 0.25 * (zoom - 11), 0.5), 1.6);
      marks.forEach(function (one) { one.setRadius(radius); });
      lines.forEach(function (pair) {
        const dash = pair[1].dash;
        pair[0].setStyle({ weight: pair[1].wide * swell, dashArray: dash ? dash.map(function (d) { return d * swell; }).join(" ") : null });
      });
    }
    map.on("zoomend", fit);
    fit();
    write(map, answer);
  }

  function write(map, answer) {
    const legend = zhoubian.legendBox(map);
    legend.appendChild(zhoubian.make("b", "", answer.title));
    answer.legend.forEach(function (row) {
      const said = zhoubian.make("p");
      said.appendChild(zhoubian.make("span", "zb-key zb-key--" + row[0]));
      said.appendChild(document.createTextNode(" " + row[1] + " "));
      said.appendChild(zhoubian.make("span", "zb-legend-label", String(row[2])));
      legend.appendChild(said);
    });
    const words = document.getElementById("zb-words");
    words.textContent = "";
    answer.words.forEach(function (pair) {
      const line = zhoubian.make("div");
      line.appendChild(zhoubian.make("dt", "", pair[0]));
      line.appendChild(zhoubian.make("dd", "", pair[1]));
      words.appendChild(line);
    });
    document.getElementById("zb-title").textContent = answer.title;
  }
})();

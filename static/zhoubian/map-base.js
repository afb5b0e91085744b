/* What every map page shares: paths, texts, panes, roads, corners, and how it prints. Names from the data
   are painted on a canvas or set as textContent, nothing else. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const ROADS = {
    motorway: { fill: "#f4d6a0", edge: "#d9b573", width: 6, from: 0 },
    trunk: { fill: "#f6dfb4", edge: "#dcc08a", width: 5.5, from: 0 },
    primary: { fill: "#fbeccb", edge: "#dccfae", width: 5, from: 0 },
    secondary: { fill: "#ffffff", edge: "#d5cdbf", width: 4.5, from: 11 },
    tertiary: { fill: "#ffffff", edge: "#d9d2c5", width: 3.5, from: 12 },
    residential: { fill: "#ffffff", edge: "#ddd7cb", width: 2.6, from: 13 },
    alley: { fill: "#ffffff", edge: "#ddd7cb", width: 1.6, from: 14 },
    service: { fill: "#fdfcf9", edge: "#e2ddd2", width: 1.4, from: 15 },
    path: { fill: "#ebe5d9", edge: null, width: 1, from: 15 },
  };
  const STREET_LABELS = { motorway: 13, trunk: 13, primary: 13, secondary: 14, tertiary: 15, residential: 16, alley: 16 };

  /* [x0, y0, dx1, dy1, ...] in 1e-6 degrees -> [[lat, lng], ...] */
  zhoubian.decode = function (path) {
    const latlngs = [];
    let x = 0;
    let y = 0;
    for (let i = 0; i < path.length; i += 2) {
      x += path[i];
      y += path[i + 1];
      latlngs.push([y / 1e6, x / 1e6]);
    }
    return latlngs;
  };

  zhoubian.make = function (tag, className, text) {
    const element = document.createElement(tag);
    if (className) { element.className = className; }
    if (text !== undefined) { element.textContent = text; }
    return element;
  };

  /* The box of the legend, a control of the map; clicks on it are none on the map. */
  zhoubian.legendBox = function (map) {
    const control = L.control({ position: "bottomleft" });
    control.onAdd = function () {
      const box = zhoubian.make("div", "zb-legend");
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      return box;
    };
    return control.addTo(map).getContainer();
  };

  zhoubian.text = function (code, facts) {
    return zhoubian.texts["map." + code].replace(/\{(\w+)\}/g, function (_, name) { return String(facts[name]); });
  };

  /* `zhoubian.text` for the texts that begin so. */
  zhoubian.speaker = function (begin) {
    return function (code, facts) { return zhoubian.text(begin + code, facts); };
  };

  zhoubian.get = function (address) {
    return fetch(address, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.json();
    });
  };

  zhoubian.panes = function (map) {
    ["roads", "buffers", "halo"].forEach(function (name) {
      map.createPane("zb-" + name);
    });
    map.createPane("zb-labels");
    return {
      roads: L.canvas({ pane: "zb-roads", padding: 0.3 }),
      buffers: L.canvas({ pane: "zb-buffers", padding: 0.3 }),
      halo: L.canvas({ pane: "zb-halo", padding: 0.3 }),
    };
  };

  zhoubian.drawRoads = function (map, group, roads, renderer) {
    const byClass = {};
    Object.keys(ROADS).reverse().forEach(function (name) { byClass[name] = []; });
    roads.forEach(function (road) { Array.prototype.push.apply(byClass[road.class], road.paths.map(zhoubian.decode)); });
    const base = { pane: "zb-roads", renderer: renderer, interactive: false, smoothFactor: 1.2, lineCap: "round" };
    const drawn = Object.keys(byClass).filter(function (name) { return byClass[name].length; }).map(function (name) {
      const look = ROADS[name];
      return {
        look: look,
        edge: look.edge && L.polyline(byClass[name], Object.assign({ color: look.edge }, base)),
        fill: L.polyline(byClass[name], Object.assign({ color: look.fill }, base)),
      };
    });
    function fit() {
      const zoom = map.getZoom();
      const swell = Math.pow(2, (zoom - 15) * 0.6);
      ["edge", "fill"].forEach(function (part) {
        drawn.forEach(function (road) {
          const line = road[part];
          if (!line) { return; }
          const width = Math.max(road.look.width * swell, 0.9);
          line.options.weight = part === "edge" ? width + (zoom < 13 ? 0.8 : 1.6) : width;
          if (zoom >= road.look.from) { group.addLayer(line); } else { group.removeLayer(line); }
        });
      });
      if (map.hasLayer(group)) {
        ["edge", "fill"].forEach(function (part) {
          drawn.forEach(function (road) { if (road[part] && map.hasLayer(road[part])) { road[part].setStyle({}).bringToFront(); } });
        });
      }
    }
    map.on("zoomend", fit);
    fit();
  };

  /* Street names for `Labels`, the important ones first. */
  zhoubian.streets = function (roads, group) {
    const streets = roads.filter(function (road) { return road.name && road.class in STREET_LABELS; }).map(function (road) {
      const lines = road.paths.map(zhoubian.decode);
      return { text: road.name, minZoom: STREET_LABELS[road.class], lines: lines, bounds: L.latLngBounds([].concat.apply([], lines)), group: group };
    });
    return streets.sort(function (a, b) { return a.minZoom - b.minZoom; });
  };

  /* Shows all of the data, now and whenever `zhoubian.whole` is called. */
  zhoubian.open = function (map, bounds) {
    const b = bounds || [73, 18, 135, 53];
    zhoubian.whole = function () { map.fitBounds([[b[1], b[0]], [b[3], b[2]]], { animate: false, padding: [12, 12] }); };
    zhoubian.whole();
  };

  zhoubian.corners = function (map, attribution) {
    L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
    map.attributionControl.setPrefix(false);
    const words = document.createElement("span");
    words.textContent = attribution;
    map.attributionControl.addAttribution(words.innerHTML);
    const legend = L.control({ position: "topleft" });
    legend.onAdd = function () {
      const button = L.DomUtil.create("button", "zb-legend-button");
      button.type = "button";
      button.textContent = zhoubian.text("legend");
      L.DomEvent.disableClickPropagation(button);
      button.addEventListener("click", function () { document.body.classList.toggle("zb-legend-open"); });
      return button;
    };
    const home = L.control({ position: "topleft" });
    home.onAdd = function () {
      const bar = L.DomUtil.create("div", "leaflet-bar");
      const button = L.DomUtil.create("a", "zb-home", bar);
      button.href = "#";
      button.title = zhoubian.text("whole");
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", button.title);
      L.DomEvent.disableClickPropagation(bar);
      L.DomEvent.on(button, "click", function (event) { L.DomEvent.stop(event); zhoubian.whole(); });
      return bar;
    };
    home.addTo(map);
    legend.addTo(map);
  };

  /* Chromium prints a canvas that was erased in the same task as its strokes, and the erasing as white: one
     canvas hides all below it. Looked at and drawn upon again, it is printed as the picture it is. */
  function asPicture(canvas) {
    if (!canvas.width || !canvas.height) { return; }
    const ctx = canvas.getContext("2d");
    document.createElement("canvas").getContext("2d").drawImage(canvas, 0, 0, 1, 1);
    ctx.save();
    ctx.fillStyle = "rgba(255, 255, 255, 0.01)";
    ctx.fillRect(0, 0, 1, 1);
    ctx.restore();
  }

  zhoubian.printable = function (map) {
    const lay = function (on) {
      return function () {
        zhoubian.printing = on;
        map.closePopup();
        document.body.classList.toggle("zb-printing", on);
        map.invalidateSize({ animate: false, pan: false });
        zhoubian.whole();
        map.eachLayer(function (layer) { if (layer instanceof L.Canvas) { layer._update(); } }); /* no frame comes before the print */
        if (on) { document.querySelectorAll(".folium-map canvas").forEach(asPicture); }
      };
    };
    document.getElementById("zb-print").addEventListener("click", function () { window.print(); });
    window.addEventListener("beforeprint", lay(true));
    window.addEventListener("afterprint", lay(false));
  };
})();

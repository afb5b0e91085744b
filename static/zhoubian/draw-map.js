/* The map of a draw: fetches its features, draws them on canvas, and ties them to the list beside it.
   Folium's script makes the map, the layer groups and the layer control and then calls
   `zhoubian.drawMap`. Names from the data are painted on a canvas or set as textContent, nothing else. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const DRAWN = { back_alleys: "#c2183c", compounds: "#5a2a8c" };
  const MANY = 40; /* from so many surroundings on, symbols and tints would cover the map */
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

  zhoubian.text = function (code, facts) {
    return zhoubian.texts["map." + code].replace(/\{(\w+)\}/g, function (_, name) { return String(facts[name]); });
  };

  function load() {
    const source = document.getElementById("zb-source");
    if (source.tagName === "SCRIPT") {
      return Promise.resolve(JSON.parse(source.textContent));
    }
    const get = function (address) {
      return fetch(address, { credentials: "same-origin" }).then(function (answer) {
        if (!answer.ok) { throw new Error(String(answer.status)); }
        return answer.json();
      });
    };
    return Promise.all([get(source.dataset.api), get(source.dataset.texts)]).then(function (both) {
      return { draw: both[0], texts: both[1] };
    });
  }

  function panes(map) {
    ["roads", "buffers", "halo"].forEach(function (name) {
      map.createPane("zb-" + name);
    });
    map.createPane("zb-labels");
    return {
      roads: L.canvas({ pane: "zb-roads", padding: 0.3 }),
      buffers: L.canvas({ pane: "zb-buffers", padding: 0.3 }),
      halo: L.canvas({ pane: "zb-halo", padding: 0.3 }),
    };
  }

  function drawRoads(map, group, roads, renderer) {
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
  }

  function drawUnits(map, layer, units, groups, shapes) {
    const line = layer === "back_alleys";
    const many = units.filter(function (unit) { return unit.role === "drawn"; }).length > 2 * MANY;
    const frame = [];
    const drawn = [];
    units.forEach(function (unit) {
      const kind = unit.role === "drawn" ? "drawn" : unit.role === "reserves" ? "reserves" : "frame";
      const group = kind === "reserves" ? groups.reserves : groups[kind + "_" + layer];
      const add = function (options) {
        const shape = unit.xy
          ? L.circleMarker([unit.xy[1], unit.xy[0]], Object.assign({ radius: kind === "frame" ? 3 : 8 }, options))
          : L[line ? "polyline" : "polygon"](unit.paths.map(zhoubian.decode), options);
        group.addLayer(shape);
        return shape;
      };
      let shape;
      if (kind === "frame") {
        shape = add(line
          ? { color: "#7f97ab", weight: 1.5, opacity: 0.75, smoothFactor: 1 }
          : { color: "#a9b89d", weight: 0.8, opacity: 0.9, fillColor: "#dbe5d1", fillOpacity: 0.75, smoothFactor: 1 });
        if (line) { frame.push(shape); }
      } else if (kind === "reserves") {
        shape = add({ color: DRAWN[layer], weight: line ? 3.5 : 2, dashArray: "6 6", fillColor: DRAWN[layer], fillOpacity: 0.08, fill: !line });
        if (!line || unit.xy) { shape.options.fill = true; }
      } else if (line) {
        drawn.push({ shape: add({ color: "#ffffff", opacity: 0.95, interactive: false }), far: 0, near: 8.5 });
        shape = add({ color: DRAWN[layer], opacity: 1 });
        drawn.push({ shape: shape, far: 2, near: 5 });
      } else {
        drawn.push({ shape: add({ color: "#ffffff", opacity: 0.95, fill: false, interactive: false }), far: 0, near: 5 });
        shape = add({ color: DRAWN[layer], fillColor: DRAWN[layer], fillOpacity: 0.42 });
        drawn.push({ shape: shape, far: 0.8, near: 2.5 });
      }
      shapes.set(layer + "/" + unit.id, { shape: shape, unit: unit, layer: layer, group: group });
    });
    const fit = function () {
      const zoom = map.getZoom();
      const thin = { weight: zoom < 14 ? 1 : zoom < 16 ? 1.5 : 2.2, opacity: zoom < 14 ? 0.5 : 0.75 };
      frame.forEach(function (shape) { shape.setStyle(thin); });
      drawn.forEach(function (one) { one.shape.setStyle({ weight: many && zoom < 15 ? one.far : one.near }); });
    };
    map.on("zoomend", fit);
    fit();
  }

  function drawAnchors(map, anchors, groups, shapes) {
    const many = anchors.filter(function (anchor) { return anchor.drawn; }).length > MANY;
    const symbols = [];
    zhoubian.drawnSymbols = [];
    [false, true].forEach(function (drawn) {
      anchors.filter(function (anchor) { return anchor.drawn === drawn; }).forEach(function (anchor) {
        const symbol = new zhoubian.Symbol([anchor.xy[1], anchor.xy[0]], {
          anchorClass: anchor.class,
          radius: drawn ? 12 : 4.5,
          opacity: drawn ? 1 : 0.75,
          letter: drawn ? zhoubian.text("letter." + anchor.class) : "",
        });
        groups[anchor.class].addLayer(symbol);
        (drawn ? zhoubian.drawnSymbols : symbols).push(symbol);
        shapes.set("anchors/" + anchor.id, { shape: symbol, unit: anchor, layer: "anchors", group: groups[anchor.class] });
      });
    });
    const fit = function () {
      const zoom = map.getZoom();
      const radius = zoom < 12 ? 1.4 : zoom < 14 ? 1.9 : zoom < 15 ? 3.4 : 4.8;
      symbols.forEach(function (symbol) { symbol.setRadius(radius); });
      if (many) {
        zhoubian.drawnSymbols.forEach(function (symbol) { symbol.setRadius(zoom < 13 ? 3 : zoom < 15 ? 6 : 12); });
      }
    };
    map.on("zoomend", fit);
    fit();
  }

  function drawSurroundings(draw, groups, renderer, shapes) {
    const many = draw.surroundings.length > MANY;
    draw.surroundings.forEach(function (surrounding) {
      const held = shapes.get("anchors/" + surrounding.anchors[0].id);
      const color = held ? zhoubian.CLASSES[held.unit.class].color : "#5b6670";
      surrounding.buffers.forEach(function (rings) {
        groups.buffers.addLayer(L.polygon(rings.map(zhoubian.decode), {
          pane: "zb-buffers", renderer: renderer, interactive: false,
          color: color, weight: many ? 0.6 : 2, opacity: many ? 0.4 : 0.9, fillColor: color, fillOpacity: many ? 0.004 : 0.07, smoothFactor: 0,
        }));
      });
      ["back_alleys", "compounds"].forEach(function (layer) {
        surrounding[layer].drawn.forEach(function (unit) {
          if (unit.link) {
            groups.links.addLayer(L.polyline(zhoubian.decode(unit.link), {
              color: "#37434d", weight: many ? 0.8 : 1.4, opacity: many ? 0.5 : 0.85, dashArray: "2 4", interactive: false,
            }));
          }
        });
      });
    });
  }

  function labels(draw, groups, shapes) {
    const points = [];
    const seen = function (layer, minZoom, weight, color, dy) {
      shapes.forEach(function (held) {
        const drawn = layer === "anchors" ? held.unit.drawn : held.unit.role === "drawn";
        if (held.layer === layer && drawn && held.unit.name) {
          const middle = held.shape.getLatLng ? held.shape.getLatLng() : held.shape.getBounds().getCenter();
          points.push({ latlng: middle, text: held.unit.name, minZoom: minZoom, weight: weight, color: color, group: held.group, dy: dy });
        }
      });
    };
    const many = draw.surroundings.length > MANY;
    seen("anchors", many ? 15 : 0, 700, "#1f2a33", 22);
    seen("compounds", many ? 15 : 14, 600, DRAWN.compounds, 0);
    seen("back_alleys", many ? 15 : 14, 600, DRAWN.back_alleys, -13);
    const streets = draw.roads.filter(function (road) { return road.name && road.class in STREET_LABELS; }).map(function (road) {
      const lines = road.paths.map(zhoubian.decode);
      return { text: road.name, minZoom: STREET_LABELS[road.class], lines: lines, bounds: L.latLngBounds([].concat.apply([], lines)), group: groups.roads };
    });
    streets.sort(function (a, b) { return a.minZoom - b.minZoom; });
    return new zhoubian.Labels(points, streets);
  }

  function corners(map, draw) {
    L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
    map.attributionControl.setPrefix(false);
    const words = document.createElement("span");
    words.textContent = draw.attribution;
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
  }

  /* One canvas takes the clicks, so what lies over what is the order of drawing. */
  function keepOrder(map, groups) {
    const order = ["frame_compounds", "frame_back_alleys", "links", "reserves", "drawn_compounds", "drawn_back_alleys"]
      .concat(Object.keys(zhoubian.CLASSES));
    const sort = function () {
      order.forEach(function (name) { if (map.hasLayer(groups[name])) { groups[name].bringToFront(); } });
      zhoubian.drawnSymbols.forEach(function (symbol) { if (map.hasLayer(symbol)) { symbol.bringToFront(); } });
    };
    map.on("overlayadd", sort);
    map.on("overlayadd overlayremove", function () { map.fire("zb:toggled"); });
    sort();
  }

  function printing(map) {
    const lay = function (on) {
      return function () {
        zhoubian.printing = on;
        map.closePopup();
        document.body.classList.toggle("zb-printing", on);
        map.invalidateSize({ animate: false, pan: false });
        zhoubian.whole();
      };
    };
    document.getElementById("zb-print").addEventListener("click", function () { window.print(); });
    window.addEventListener("beforeprint", lay(true));
    window.addEventListener("afterprint", lay(false));
  }

  zhoubian.drawMap = function (map, groups) {
    const status = document.getElementById("zb-status");
    load().then(function (both) {
      zhoubian.texts = both.texts;
      const draw = both.draw;
      const renderers = panes(map);
      map.options.renderer = L.canvas({ tolerance: 5, padding: 0.3 });
      zhoubian.whole = function () {
        const b = draw.bounds || [73, 18, 135, 53];
        map.fitBounds([[b[1], b[0]], [b[3], b[2]]], { animate: false, padding: [12, 12] });
      };
      zhoubian.whole();
      const shapes = new Map();
      drawRoads(map, groups.roads, draw.roads, renderers.roads);
      drawUnits(map, "compounds", draw.compounds, groups, shapes);
      drawUnits(map, "back_alleys", draw.back_alleys, groups, shapes);
      drawAnchors(map, draw.anchors, groups, shapes);
      drawSurroundings(draw, groups, renderers.buffers, shapes);
      corners(map, draw);
      labels(draw, groups, shapes).addTo(map);
      zhoubian.panel(map, draw, shapes, renderers.halo);
      keepOrder(map, groups);
      printing(map);
      status.remove();
      document.body.dataset.ready = "yes";
    }).catch(function (fault) {
      status.textContent = status.dataset.failed + " (" + fault.message + ")";
      throw fault;
    });
  };
})();

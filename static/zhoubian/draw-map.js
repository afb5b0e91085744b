/* The map of a draw: fetches its features, draws them on canvas, and ties them to the list beside it.
   Folium's script makes the map, the layer groups and the layer control and then calls
   `zhoubian.drawMap`. Names from the data are painted on a canvas or set as textContent, nothing else. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const DRAWN = { back_alleys: "#c2183c", compounds: "#5a2a8c" };
  const MANY = 40; /* from so many surroundings on, symbols and tints would cover the map */

  function load() {
    const source = document.getElementById("zb-source");
    if (source.tagName === "SCRIPT") {
      return Promise.resolve(JSON.parse(source.textContent));
    }
    return Promise.all([zhoubian.get(source.dataset.api), zhoubian.get(source.dataset.texts)]).then(function (both) {
      return { draw: both[0], texts: both[1] };
    });
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
    const walked = draw.metric === "walk"; /* then the circle is only the same radius by air */
    draw.surroundings.forEach(function (surrounding) {
      const held = shapes.get("anchors/" + surrounding.anchors[0].id);
      const color = held ? zhoubian.CLASSES[held.unit.class].color : "#5b6670";
      surrounding.buffers.forEach(function (rings) {
        groups.buffers.addLayer(L.polygon(rings.map(zhoubian.decode), {
          pane: "zb-buffers", renderer: renderer, interactive: false,
          color: color, weight: many ? 0.6 : 2, opacity: many ? 0.4 : 0.9, fillColor: color, fillOpacity: walked ? 0 : many ? 0.004 : 0.07, smoothFactor: 0,
          dashArray: walked ? "6 5" : null,
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
    return new zhoubian.Labels(points, zhoubian.streets(draw.roads, groups.roads));
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

  zhoubian.drawMap = function (map, groups) {
    const status = document.getElementById("zb-status");
    load().then(function (both) {
      zhoubian.texts = both.texts;
      const draw = both.draw;
      const renderers = zhoubian.panes(map);
      map.options.renderer = L.canvas({ tolerance: 5, padding: 0.3 });
      zhoubian.open(map, draw.bounds);
      const shapes = new Map();
      zhoubian.drawRoads(map, groups.roads, draw.roads, renderers.roads);
      drawUnits(map, "compounds", draw.compounds, groups, shapes);
      drawUnits(map, "back_alleys", draw.back_alleys, groups, shapes);
      drawAnchors(map, draw.anchors, groups, shapes);
      drawSurroundings(draw, groups, renderers.buffers, shapes);
      zhoubian.corners(map, draw.attribution);
      labels(draw, groups, shapes).addTo(map);
      zhoubian.panel(map, draw, shapes, renderers.halo);
      keepOrder(map, groups);
      zhoubian.printable(map);
      status.remove();
      document.body.dataset.ready = "yes";
    }).catch(function (fault) {
      status.textContent = status.dataset.failed + " (" + fault.message + ")";
      throw fault;
    });
  };
})();

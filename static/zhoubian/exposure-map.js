/* The map of exposure: geometry is fetched once, numbers at every change of a setting. Folium's script makes
   the map, the groups and the layer control and then calls `zhoubian.exposureMap`. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const KEPT = 60; /* answers of earlier settings: a slider that goes back answers without asking */

  /* A line with a white edge, so that it stays apart from the areas of the same colour. */
  const Alley = L.Polyline.extend({
    _updatePath: function () {
      const options = this.options;
      if (options.edged) {
        this.options = Object.assign({}, options, { color: "#ffffff", weight: options.weight + 2, opacity: 0.85 });
        this._renderer._updatePoly(this);
        this.options = options;
      }
      this._renderer._updatePoly(this);
    },
  });

  const source = function () { return document.getElementById("zb-source").dataset; };

  function ask(address) {
    return fetch(address, { credentials: "same-origin" }).then(function (answer) {
      return answer.json().then(function (said) {
        if (!answer.ok) { throw Object.assign(new Error(said.error.message), { told: true }); }
        return said;
      });
    });
  }

  function drawUnits(geometry, units) {
    zhoubian.UNIT_LAYERS.slice().reverse().forEach(function (layer) {
      const line = layer === "back_alleys";
      geometry.units[layer].forEach(function (unit) {
        let shape;
        if (unit.xy) {
          shape = L.circleMarker([unit.xy[1], unit.xy[0]], { radius: 4 });
        } else {
          const paths = unit.paths.map(zhoubian.decode);
          shape = line ? new Alley(paths, { smoothFactor: 1 }) : L.polygon(paths, { smoothFactor: 1 });
        }
        units.set(layer + "/" + unit.id, { shape: shape, unit: unit, layer: layer, line: line && !unit.xy, group: null, number: -1 });
      });
    });
  }

  function drawAnchors(map, anchors, groups, held) {
    anchors.forEach(function (anchor) {
      const symbol = new zhoubian.Symbol([anchor.xy[1], anchor.xy[0]], { anchorClass: anchor.class, radius: 4, opacity: 0.65, letter: "" });
      groups[anchor.class].addLayer(symbol);
      held.set("anchors/" + anchor.id, { shape: symbol, unit: anchor, layer: "anchors", group: groups[anchor.class] });
    });
    const fit = function () {
      const zoom = map.getZoom();
      const radius = zoom < 12 ? 1.2 : zoom < 14 ? 1.7 : zoom < 15 ? 3 : zoom < 16 ? 4 : 5.5;
      held.forEach(function (one) { if (one.layer === "anchors") { one.shape.setRadius(radius); } });
    };
    map.on("zoomend", fit);
    fit();
  }

  /* -1: not in the frame, -2: reached by no anchor, else the class. */
  function look(one, zoom, scale, hatch) {
    const wide = Math.max(1, 1.15 * Math.pow(1.45, zoom - 12));
    const thin = { dashArray: null, opacity: 1, edged: false };
    if (one.number === -1) {
      const gone = { color: "#b9b2a5", weight: 1, opacity: 0.7, dashArray: "1 4", fillColor: "#efece5", fillOpacity: 0.4, edged: false };
      return gone;
    }
    if (one.number === -2) {
      return Object.assign(thin, one.line
        ? { color: zhoubian.BLIND.color, weight: Math.min(1 + wide * 0.5, 4), dashArray: zhoubian.BLIND.dash }
        : { color: zhoubian.BLIND.color, weight: 0.8, fillColor: zoom < 13 ? "#d5d3ce" : hatch, fillOpacity: 1 });
    }
    const color = scale.colors[one.number];
    if (one.number === 0) {
      return Object.assign(thin, { color: zhoubian.ZERO_EDGE, weight: one.line ? Math.min(wide * 0.5, 3) : 0.8, fillColor: color, fillOpacity: 1 });
    }
    if (one.line) {
      return Object.assign(thin, { color: color, weight: Math.min(wide * (0.8 + 0.12 * one.number), 9), edged: zoom >= 15 });
    }
    return Object.assign(thin, { color: zoom < 14 ? color : "#ffffff", weight: zoom < 14 ? 0.4 : 0.8, fillColor: color, fillOpacity: zoom < 14 ? 0.85 : 0.72 });
  }

  function rowsOf(numbers) {
    const rows = new Map();
    zhoubian.UNIT_LAYERS.forEach(function (layer) {
      const columns = numbers.layers[layer];
      columns.id.forEach(function (id, i) {
        rows.set(layer + "/" + id, { pi: columns.pi[i], expected: columns.expected[i], reach: columns.reach[i], issues: columns.issues[i], priority: columns.priority[i] });
      });
    });
    return rows;
  }

  function legend(map) {
    const box = zhoubian.legendBox(map);
    return function (state, counts) {
      const scale = zhoubian.SCALES[state.by];
      box.textContent = "";
      box.appendChild(make("b", "", zhoubian.text("exposure.legend." + state.by)));
      box.appendChild(make("p", "", zhoubian.text("exposure.legend_unit." + state.by)));
      const table = make("table");
      const head = make("tr");
      ["", "", zhoubian.text("exposure.count.back_alleys"), zhoubian.text("exposure.count.compounds")].forEach(function (words) { head.appendChild(make("th", "", words)); });
      table.appendChild(head);
      const line = function (swatch, label, number) {
        const row = make("tr");
        const cell = make("td");
        cell.appendChild(swatch);
        row.appendChild(cell);
        row.appendChild(make("td", "", label));
        zhoubian.UNIT_LAYERS.forEach(function (layer) { row.appendChild(make("td", "zb-figure", String((counts[layer] || {})[number] || 0))); });
        table.appendChild(row);
      };
      for (let number = scale.colors.length - 1; number >= 0; number--) {
        const swatch = make("span", "zb-swatch");
        swatch.style.background = scale.colors[number];
        if (number === 0) { swatch.classList.add("zb-swatch--zero"); }
        line(swatch, zhoubian.classLabel(number, scale), number);
      }
      line(make("span", "zb-swatch zb-swatch--blind"), zhoubian.text("exposure.blind_long"), -2);
      box.appendChild(table);
    };
  }

  zhoubian.exposureMap = function (map, groups) {
    const status = document.getElementById("zb-status");
    const data = source();
    Promise.all([ask(data.geometry), ask(data.texts)]).then(function (both) {
      zhoubian.texts = both[1];
      start(map, groups, both[0], status);
    }).catch(function (fault) {
      status.textContent = status.dataset.failed + " (" + fault.message + ")";
      throw fault;
    });
  };

  function start(map, groups, geometry, status) {
    const renderers = zhoubian.panes(map);
    map.options.renderer = L.canvas({ tolerance: 5, padding: 0.3 });
    zhoubian.open(map, geometry.bounds);
    const held = new Map();
    const hatch = zhoubian.hatch();
    zhoubian.drawRoads(map, groups.roads, geometry.roads, renderers.roads);
    drawUnits(geometry, held);
    drawAnchors(map, geometry.anchors, groups, held);
    zhoubian.corners(map, geometry.attribution);
    new zhoubian.Labels([], zhoubian.streets(geometry.roads, groups.roads)).addTo(map);
    const marks = L.layerGroup().addTo(map);
    const writeLegend = legend(map);
    const answers = new Map();
    const fault = document.getElementById("zb-fault");
    const chosenBox = document.getElementById("zb-chosen");
    const picture = document.getElementById("zb-picture");
    let shown = null;
    let rows = new Map();
    let busy = false;
    let chosen = null;

    const settings = zhoubian.Settings(document.getElementById("zb-settings"), function (design) {
      if (design) { refresh(); } else if (shown) { show(shown); }
    });
    const state = settings.state;

    function nameOf(key) {
      const one = held.get(key);
      return (one && one.unit.name) || key.slice(key.indexOf("/") + 1);
    }

    function paint() {
      const zoom = map.getZoom();
      const scale = zhoubian.SCALES[state.by];
      held.forEach(function (one) {
        if (one.layer !== "anchors") { one.shape.setStyle(look(one, zoom, scale, hatch)); }
      });
    }

    /* One canvas takes the clicks and draws in order: the higher class lies above, anchors above all. */
    function order() {
      const byNumber = [];
      held.forEach(function (one) {
        if (one.layer === "anchors") { return; }
        const place = (one.line ? 20 : 0) + one.number + 2;
        (byNumber[place] = byNumber[place] || []).push(one.shape);
      });
      byNumber.forEach(function (shapes) { shapes.forEach(function (shape) { if (map.hasLayer(shape)) { shape.bringToFront(); } }); });
      Object.keys(zhoubian.CLASSES).forEach(function (name) { if (map.hasLayer(groups[name])) { groups[name].bringToFront(); } });
    }

    function groupOf(one) {
      return one.number === -1 ? groups.unframed : one.number === -2 ? groups.blind : groups["exposed_" + one.layer];
    }

    function classify() {
      const scale = zhoubian.SCALES[state.by];
      const counts = { back_alleys: {}, compounds: {} };
      held.forEach(function (one, key) {
        if (one.layer === "anchors") { return; }
        const row = rows.get(key);
        one.number = !row ? -1 : row.reach === 0 ? -2 : zhoubian.classOf(row[scale.key], scale);
        counts[one.layer][one.number] = (counts[one.layer][one.number] || 0) + 1;
        const group = groupOf(one);
        if (group !== one.group) {
          if (one.group) { one.group.removeLayer(one.shape); }
          group.addLayer(one.shape);
          one.group = group;
        }
      });
      return counts;
    }

    function words(pairs) {
      const list = document.getElementById("zb-words");
      list.textContent = "";
      pairs.forEach(function (pair) {
        const line = make("div");
        line.appendChild(make("dt", "", pair[0]));
        line.appendChild(make("dd", "", pair[1]));
        list.appendChild(line);
      });
    }

    function show(numbers) {
      shown = numbers;
      rows = rowsOf(numbers);
      const counts = classify();
      paint();
      order();
      writeLegend(state, counts);
      words(numbers.words);
      zhoubian.picture(picture, numbers, state, function (id) { return nameOf(state.units + "/" + id); }, function (id) { go(state.units, id); });
    }

    function stale(message) {
      fault.hidden = !message;
      fault.textContent = message;
      document.body.classList.toggle("zb-stale", Boolean(message));
    }

    /* One request at a time; whatever was chosen meanwhile is asked next. */
    function refresh() {
      if (busy) { return; }
      const design = settings.design();
      if (answers.has(design)) { arrived(design, answers.get(design)); return; }
      busy = true;
      document.body.dataset.busy = "yes";
      ask(source().numbers + "?" + design + "&lang=" + document.documentElement.lang.slice(0, 2)).then(function (numbers) {
        answers.set(design, numbers);
        if (answers.size > KEPT) { answers.delete(answers.keys().next().value); }
        arrived(design, numbers);
      }, function (reason) {
        stale(reason.told ? reason.message : status.dataset.failed);
      }).then(function () {
        busy = false;
        document.body.dataset.busy = "no";
        if (settings.design() !== design) { refresh(); }
      });
    }

    function arrived(design, numbers) {
      stale("");
      show(numbers);
      document.body.dataset.design = design;
      if (chosen) { explain(chosen.layer, chosen.id); }
    }

    function close() {
      chosen = null;
      chosenBox.hidden = true;
      marks.clearLayers();
    }

    const HALO = { pane: "zb-halo", renderer: renderers.halo, interactive: false, color: "#ffb000", fill: false };

    function ring(one, weight, opacity) {
      const style = Object.assign({}, HALO, { weight: weight, opacity: opacity });
      if (one.shape.getLatLngs) {
        marks.addLayer(L[one.line ? "polyline" : "polygon"](one.shape.getLatLngs(), style));
      } else {
        marks.addLayer(L.circleMarker(one.shape.getLatLng(), Object.assign(style, { radius: 9, weight: Math.min(weight, 5) })));
      }
    }

    function middle(one) { return one.shape.getBounds ? one.shape.getBounds().getCenter() : one.shape.getLatLng(); }

    function markUnit(one, why) {
      marks.clearLayers();
      ring(one, 16, 0.85);
      why.anchors.forEach(function (anchor) {
        const from = held.get("anchors/" + anchor.id);
        if (!from) { return; }
        marks.addLayer(L.polyline([from.shape.getLatLng(), middle(one)], {
          pane: "zb-buffers", renderer: renderers.buffers, interactive: false, color: zhoubian.CLASSES[anchor.class].color, weight: 1 + 5 * anchor.share, opacity: 0.75,
        }));
        ring(from, 3, 0.9);
      });
    }

    function markAnchor(one, pool) {
      marks.clearLayers();
      ring(one, 5, 1);
      zhoubian.UNIT_LAYERS.forEach(function (layer) {
        pool[layer].forEach(function (unit) {
          const reached = held.get(layer + "/" + unit.id);
          if (reached) { ring(reached, 7, 0.4); }
        });
      });
      const design = shown.settings;
      if (design.anchor_rule === "boundary") { return; }
      const walked = design.metric === "walk"; /* then the circle is only the same radius by air */
      const radii = design.radius.radii_m.concat(design.shape === "ring" ? [design.inner_m] : []);
      radii.forEach(function (radius) {
        marks.addLayer(L.circle(one.shape.getLatLng(), {
          pane: "zb-buffers", renderer: renderers.buffers, interactive: false, radius: radius, color: zhoubian.CLASSES[one.unit.class].color, weight: 1.6, opacity: 0.9,
          dashArray: radii.length > 1 || walked ? "6 5" : null, fillOpacity: walked ? 0 : 0.05,
        }));
      });
    }

    function explain(layer, id) {
      chosen = { layer: layer, id: id };
      const one = held.get(layer + "/" + id);
      const anchor = layer === "anchors";
      if (!anchor && !rows.has(layer + "/" + id)) {
        marks.clearLayers();
        ring(one, 16, 0.85);
        zhoubian.unframedDetails(chosenBox, layer, one.unit, close);
        return;
      }
      const address = (anchor ? source().pool + "?" : source().why + "?layer=" + layer + "&") + "id=" + encodeURIComponent(id) + "&" + settings.design() + "&lang=" + document.documentElement.lang.slice(0, 2);
      ask(address).then(function (told) {
        if (!chosen || chosen.layer !== layer || chosen.id !== id) { return; }
        if (anchor) {
          zhoubian.anchorDetails(chosenBox, told, go, close);
          markAnchor(one, told);
        } else {
          zhoubian.unitDetails(chosenBox, layer, told, rows.get(layer + "/" + id), go, close);
          markUnit(one, told);
        }
      }).catch(function (reason) {
        marks.clearLayers();
        if (one) { ring(one, 10, 0.6); }
        chosenBox.textContent = "";
        chosenBox.appendChild(make("p", "zb-note", reason.told ? reason.message : status.dataset.failed));
      }).then(function () { chosenBox.hidden = chosen === null; });
    }

    function go(layer, id) {
      const one = held.get(layer + "/" + id);
      if (one) {
        if (one.shape.getBounds) {
          map.fitBounds(one.shape.getBounds(), { maxZoom: 15, padding: [80, 80], animate: false });
        } else {
          map.setView(one.shape.getLatLng(), Math.max(map.getZoom(), 14), { animate: false });
        }
        if (map.getZoom() > 16) { map.setZoom(16, { animate: false }); }
      }
      open(layer, id);
    }

    function open(layer, id) {
      explain(layer, id);
      chosenBox.hidden = false;
      document.getElementById("zb-scroll").scrollTop = 0;
    }

    held.forEach(function (one) {
      one.shape.on("click", function (event) { L.DomEvent.stopPropagation(event); open(one.layer, one.unit.id); });
    });
    map.on("zoomend", paint);
    map.on("overlayadd", order);
    map.on("overlayadd overlayremove", function () { map.fire("zb:toggled"); });
    zhoubian.printable(map);
    status.remove();
    document.body.dataset.ready = "yes";
    refresh();
  }
})();

/* The list of a draw and the details of a feature. Every value of the data goes through textContent. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const LAYERS = ["back_alleys", "compounds"];

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) { element.className = className; }
    if (text !== undefined) { element.textContent = text; }
    return element;
  }

  function metres(value) {
    return value >= 1000 && value % 100 === 0 ? zhoubian.text("kilometres", { n: value / 1000 }) : zhoubian.text("metres", { n: Math.round(value) });
  }

  /* Which surroundings drew each unit: "layer/id" -> [{surrounding, unit, role}] */
  function whoDrew(draw) {
    const found = new Map();
    draw.surroundings.forEach(function (surrounding) {
      LAYERS.forEach(function (layer) {
        ["drawn", "reserves"].forEach(function (role) {
          surrounding[layer][role].forEach(function (unit) {
            const key = layer + "/" + unit.id;
            if (!found.has(key)) { found.set(key, []); }
            found.get(key).push({ surrounding: surrounding, unit: unit, role: role });
          });
        });
      });
    });
    return found;
  }

  zhoubian.panel = function (map, draw, shapes, haloRenderer) {
    const drew = whoDrew(draw);
    let halo = null;

    const nameOf = function (key) {
      const held = shapes.get(key);
      const id = key.slice(key.indexOf("/") + 1);
      return (held && held.unit.name) || id;
    };

    function facts(list, label, value) {
      list.appendChild(make("dt", "", label));
      list.appendChild(make("dd", "", value));
    }

    function outside(unit) {
      return unit.out ? zhoubian.text("out_of_frame", { why: zhoubian.text("out." + unit.out) }) : "";
    }

    function unitDetails(box, key, layer) {
      const list = make("dl", "zb-facts");
      facts(list, zhoubian.text("id"), key.slice(key.indexOf("/") + 1));
      box.appendChild(list);
      const found = drew.get(key) || [];
      if (!found.length) {
        box.appendChild(make("p", "zb-note", outside(shapes.get(key).unit) || zhoubian.text("in_frame")));
      }
      found.forEach(function (one) {
        const pool = one.surrounding[layer];
        const part = make("dl", "zb-facts zb-facts--draw");
        facts(part, zhoubian.text(one.role === "drawn" ? "drawn_by" : "reserve_of"), nameOf("anchors/" + one.unit.anchor));
        facts(part, zhoubian.text("distance"), metres(one.unit.entry_m));
        facts(part, zhoubian.text("pool"), String(pool.pool));
        facts(part, zhoubian.text("chance"), zhoubian.text(pool.equal ? "chance_note" : "chance_weighted", { drawn: Math.min(pool.drawn.length, pool.pool), pool: pool.pool }));
        box.appendChild(part);
      });
    }

    function anchorDetails(box, anchor) {
      const list = make("dl", "zb-facts");
      facts(list, zhoubian.text("id"), anchor.id);
      facts(list, zhoubian.text("class"), zhoubian.text("class." + anchor.class));
      draw.surroundings.forEach(function (surrounding) {
        const own = surrounding.anchors.find(function (a) { return a.id === anchor.id; });
        if (!own) { return; }
        facts(list, zhoubian.text("radius"), metres(own.radius_m));
        LAYERS.forEach(function (layer) {
          const names = surrounding[layer].drawn.map(function (unit) { return nameOf(layer + "/" + unit.id); });
          facts(list, zhoubian.text("drawn." + layer), zhoubian.text("of_pool", { names: names.join(zhoubian.text("comma")) || "—", pool: surrounding[layer].pool }));
        });
      });
      box.appendChild(list);
      if (!anchor.drawn) { box.appendChild(make("p", "zb-note", outside(anchor) || zhoubian.text("anchor_in_frame"))); }
    }

    function details(key) {
      const held = shapes.get(key);
      const box = make("div", "zb-details");
      box.appendChild(make("p", "zb-details-kind", zhoubian.text("layer." + held.layer)));
      box.appendChild(make("h3", "", held.unit.name || zhoubian.text("nameless")));
      if (held.layer === "anchors") { anchorDetails(box, held.unit); } else { unitDetails(box, key, held.layer); }
      return box;
    }

    function select(key, latlng) {
      const held = shapes.get(key);
      document.querySelectorAll(".zb-row--on").forEach(function (row) { row.classList.remove("zb-row--on"); });
      document.querySelectorAll(".zb-row").forEach(function (row) {
        if (row.dataset.key === key) { row.classList.add("zb-row--on"); }
      });
      if (!held) { return; }
      map.closePopup();
      const style = { pane: "zb-halo", renderer: haloRenderer, interactive: false, color: "#ffc83d", weight: 18, opacity: 0.8, fill: false };
      if (held.shape.getBounds) {
        halo = L[held.shape instanceof L.Polygon ? "polygon" : "polyline"](held.shape.getLatLngs(), style).addTo(map);
      } else {
        halo = L.circleMarker(held.shape.getLatLng(), Object.assign({}, style, { radius: 17, weight: 7 })).addTo(map);
      }
      const at = latlng || (held.shape.getBounds ? held.shape.getBounds().getCenter() : held.shape.getLatLng());
      L.popup({ maxWidth: 320, minWidth: 220, offset: [0, -6], autoPanPadding: [30, 30] }).setLatLng(at).setContent(details(key)).openOn(map);
    }

    function zoomTo(key) {
      const held = shapes.get(key);
      if (!held) { return; }
      if (held.shape.getBounds) {
        map.fitBounds(held.shape.getBounds(), { maxZoom: 17, padding: [80, 80], animate: false });
      } else {
        map.setView(held.shape.getLatLng(), Math.max(map.getZoom(), 16), { animate: false });
      }
    }

    shapes.forEach(function (held, key) {
      held.shape.on("click", function (event) { L.DomEvent.stopPropagation(event); select(key, event.latlng); });
    });
    map.on("popupclose", function () { if (halo) { halo.remove(); halo = null; } });

    function row(key, kind, side, className) {
      const button = make("button", "zb-row " + (className || ""));
      button.type = "button";
      button.dataset.key = key;
      button.appendChild(make("span", "zb-key zb-key--" + kind, zhoubian.CLASSES[kind] ? zhoubian.text("letter." + kind) : ""));
      button.appendChild(make("span", "zb-row-name", nameOf(key)));
      button.appendChild(make("span", "zb-row-side", side));
      if (shapes.has(key)) {
        button.addEventListener("click", function () { zoomTo(key); select(key); });
      } else {
        button.disabled = true;
        button.appendChild(make("span", "zb-row-gone", zhoubian.text("gone")));
      }
      return button;
    }

    function section(surrounding, number) {
      const box = make("li", "zb-surrounding");
      surrounding.anchors.forEach(function (anchor) {
        const held = shapes.get("anchors/" + anchor.id);
        const kind = held ? held.unit.class : anchor.class;
        const head = row("anchors/" + anchor.id, kind, metres(anchor.radius_m), "zb-row--anchor");
        head.insertBefore(make("span", "zb-number", String(number)), head.firstChild);
        box.appendChild(head);
      });
      LAYERS.forEach(function (layer) {
        const pool = surrounding[layer];
        box.appendChild(make("p", "zb-pool", zhoubian.text("pool_line." + layer, { drawn: pool.drawn.length, pool: pool.pool })));
        pool.drawn.forEach(function (unit) {
          const button = row(layer + "/" + unit.id, layer, metres(unit.entry_m));
          const times = (drew.get(layer + "/" + unit.id) || []).filter(function (one) { return one.role === "drawn"; }).length;
          if (times > 1) {
            button.insertBefore(make("span", "zb-badge", zhoubian.text("shared", { n: times })), button.lastChild);
          }
          box.appendChild(button);
        });
        if (pool.note) { box.appendChild(make("p", "zb-warning", zhoubian.text("note." + pool.note, { asked: pool.asked, pool: pool.pool, drawn: pool.drawn.length, widened: Math.round(pool.widened_to_m) }))); }
      });
      return box;
    }

    const list = document.getElementById("zb-list");
    draw.surroundings.forEach(function (surrounding, i) { list.appendChild(section(surrounding, i + 1)); });

    const search = document.getElementById("zb-search");
    search.hidden = draw.surroundings.length < 8;
    search.addEventListener("input", function () {
      const wanted = search.value.trim().toLowerCase();
      Array.prototype.forEach.call(list.children, function (item) {
        item.hidden = wanted !== "" && item.textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
  };
})();

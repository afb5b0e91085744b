/* Why a unit has its exposure, and what an anchor reaches. Every value of the data goes through textContent. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const FEW = 8;

  function facts(pairs) {
    const list = make("dl", "zb-facts");
    pairs.forEach(function (pair) {
      list.appendChild(make("dt", "", pair[0]));
      list.appendChild(make("dd", "", pair[1]));
    });
    return list;
  }

  function heading(kind, name, id, close) {
    const head = make("div", "zb-chosen-head");
    const button = make("button", "zb-close", "×");
    button.type = "button";
    button.setAttribute("aria-label", zhoubian.text("exposure.close"));
    button.addEventListener("click", close);
    head.appendChild(button);
    head.appendChild(make("p", "zb-details-kind", kind + " · " + id));
    head.appendChild(make("h2", "", name || zhoubian.text("nameless")));
    return head;
  }

  /* The first rows of a list, the rest after a click. */
  zhoubian.short = function (box, rows, draw) {
    rows.slice(0, FEW).forEach(function (row) { box.appendChild(draw(row)); });
    if (rows.length <= FEW) { return; }
    const more = make("button", "zb-more", zhoubian.text("exposure.more", { n: rows.length - FEW }));
    more.type = "button";
    more.addEventListener("click", function () {
      more.remove();
      rows.slice(FEW).forEach(function (row) { box.appendChild(draw(row)); });
    });
    box.appendChild(more);
  };

  function line(kind, letter, name, side, under, share, choose) {
    const button = make("button", "zb-row zb-reason");
    button.type = "button";
    button.appendChild(make("span", "zb-key zb-key--" + kind, letter));
    const middle = make("span", "zb-row-name", name);
    middle.appendChild(make("small", "", under));
    button.appendChild(middle);
    const bar = make("span", "zb-bar-track");
    const fill = make("span", "zb-bar-fill");
    fill.style.width = (100 * share).toFixed(1) + "%";
    bar.appendChild(fill);
    button.appendChild(bar);
    button.appendChild(make("span", "zb-row-side", side));
    button.addEventListener("click", choose);
    return button;
  }

  /* row: the unit's numbers under the settings shown. */
  zhoubian.unitDetails = function (box, layer, why, row, go, close) {
    box.textContent = "";
    box.appendChild(heading(zhoubian.text("layer." + layer), why.name, why.id, close));
    const big = make("p", "zb-big", zhoubian.percent(why.pi));
    box.appendChild(big);
    box.appendChild(make("p", "zb-big-said", why.pi > 0
      ? zhoubian.text("exposure.once_in", { n: zhoubian.number(why.pi < 0.1 ? Math.round(1 / why.pi) : 1 / why.pi) })
      : zhoubian.text(why.anchors.length ? "exposure.never_drawn" : "exposure.is_blind")));
    box.appendChild(facts([
      [zhoubian.text("exposure.expected"), zhoubian.number(why.expected)],
      [zhoubian.text("exposure.reached_by"), zhoubian.text("exposure.anchors", { n: why.anchors.length })],
      [zhoubian.text("exposure.weighted_issues"), zhoubian.number(row.issues)],
      [zhoubian.text("exposure.priority_of"), zhoubian.text("exposure.per_hundred", { n: zhoubian.number(row.priority * 100) })],
    ]));
    if (why.anchors.length) {
      box.appendChild(make("h3", "", zhoubian.text("exposure.its_anchors")));
      const anchors = make("div", "zb-reasons");
      zhoubian.short(anchors, why.anchors, function (anchor) {
        return line(anchor.class, zhoubian.text("letter." + anchor.class), anchor.name || anchor.id, zhoubian.percent(anchor.share),
          zhoubian.text("exposure.anchor_line", { m: Math.round(anchor.entry_m), p: zhoubian.percent(anchor.p), pool: zhoubian.number(anchor.pool) }),
          anchor.share, function () { go("anchors", anchor.id); });
      });
      box.appendChild(anchors);
    }
    box.appendChild(make("h3", "", zhoubian.text("exposure.its_issues", { n: why.issues.length })));
    const issues = make("ul", "zb-issues");
    zhoubian.short(issues, why.issues, function (issue) {
      const item = make("li");
      item.appendChild(make("b", "", issue.category));
      item.appendChild(make("span", "", String(issue.found_at).slice(0, 10)));
      item.appendChild(make("span", "", zhoubian.texts["map.exposure.state." + issue.state] || issue.state));
      return item;
    });
    box.appendChild(issues);
    box.appendChild(make("p", "zb-consequence", zhoubian.text("exposure.consequence")));
  };

  zhoubian.unframedDetails = function (box, layer, unit, close) {
    box.textContent = "";
    box.appendChild(heading(zhoubian.text("layer." + layer), unit.name, unit.id, close));
    box.appendChild(make("p", "zb-note", zhoubian.text("exposure.out_of_frame")));
  };

  zhoubian.anchorDetails = function (box, pool, go, close) {
    box.textContent = "";
    box.appendChild(heading(zhoubian.text("class." + pool.class), pool.name, pool.id, close));
    zhoubian.UNIT_LAYERS.forEach(function (layer) {
      const units = pool[layer];
      box.appendChild(make("h3", "", zhoubian.text("exposure.its_pool." + layer, { n: units.length })));
      const rows = make("div", "zb-reasons");
      const most = units.reduce(function (top, unit) { return Math.max(top, unit.p); }, 0);
      zhoubian.short(rows, units, function (unit) {
        return line("exposed_" + layer, "", unit.name || unit.id, zhoubian.percent(unit.p), zhoubian.metres(unit.entry_m),
          most ? unit.p / most : 0, function () { go(layer, unit.id); });
      });
      box.appendChild(rows);
    });
    box.appendChild(make("p", "zb-note", zhoubian.text("exposure.pool_note")));
    box.appendChild(make("p", "zb-consequence", zhoubian.text("exposure.consequence")));
  };
})();

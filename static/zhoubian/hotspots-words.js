/* What the hotspot page says: the legend with its numbers, the list of the worst places, the check on itself. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const say = zhoubian.speaker("hotspots.");

  function number(value) { return Number(value).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 }); }
  function share(value) { return (100 * value).toFixed(value < 0.1 ? 1 : 0) + " %"; }
  zhoubian.hotspotNumber = number;

  function methodOf(view, facts) {
    const told = Object.assign({}, facts, { n: (facts.months || []).length });
    return say("method." + view, told);
  }

  function counts(view, facts) {
    const said = [];
    if (facts.place_days !== undefined) {
      said.push(say("place_days", { place_days: number(facts.place_days), merged: number(facts.merged) }));
    } else if (facts.used !== undefined) {
      said.push(say("used", { used: number(facts.used) }));
    } else {
      said.push(say("used", { used: number(facts.matched - facts.piled - facts.resent) }));
    }
    if (facts.outside !== undefined) {
      said.push(say("left_out", { piled: number(facts.piled), resent: number(facts.resent), outside: number(facts.outside) }));
    } else {
      said.push(say("left_piled", { piled: number(facts.piled), resent: number(facts.resent) }));
    }
    if (facts.left_out) { said.push(say("left_months", { left_out: number(facts.left_out) })); }
    if (facts.ground === "hull") { said.push(say("hull")); }
    /* to Gi* empty land is a place without issues */
    if (facts.ground === "hull" && (view === "spots" || view === "emerging")) { said.push(say("no_areas")); }
    return said;
  }

  function swatch(row) {
    const image = make("img", "zb-swatch");
    image.src = row.swatch;
    image.alt = "";
    return image;
  }

  function rows(legend) {
    const table = make("table");
    const classes = legend.length && legend[0].name !== undefined;
    const head = make("tr");
    if (classes) {
      ["", "", say("cells")].forEach(function (words) { head.appendChild(make("th", "", words)); });
      table.appendChild(head);
    }
    legend.forEach(function (row) {
      if (classes && !row.cells && /^(hot|cold)_[a-z]/.test(row.name)) { return; }
      const line = make("tr");
      const cell = make("td");
      cell.appendChild(swatch(row));
      line.appendChild(cell);
      line.appendChild(make("td", "", classes ? say("class." + row.name) : say("range", { from: number(row.from), to: number(row.to) })));
      if (classes) { line.appendChild(make("td", "zb-figure", number(row.cells))); }
      table.appendChild(line);
    });
    return table;
  }

  zhoubian.HotspotLegend = function (map) {
    const box = zhoubian.legendBox(map);
    /* title: text; view: whose method; facts, legend: of an answer */
    return function (title, view, facts, legend) {
      box.textContent = "";
      box.appendChild(make("b", "", title));
      if (view === "density" || view === "hexagons") { box.appendChild(make("p", "", say("unit"))); }
      box.appendChild(rows(legend));
      if (facts.cells && facts.cells.none !== undefined) { box.appendChild(make("p", "", say("none_cells", { cells: number(facts.cells.none) }))); }
      const said = make("div", "zb-legend-said");
      said.appendChild(make("p", "", methodOf(view, facts)));
      said.appendChild(make("p", "", say("period", facts)));
      if (facts.before_since) { said.appendChild(make("p", "", say("against", { since: facts.before_since, until: facts.before_until }))); }
      counts(view, facts).forEach(function (words) { said.appendChild(make("p", "", words)); });
      box.appendChild(said);
    };
  };

  function forecast(found) {
    if (!found) { return say("forecast_none"); }
    return say("forecast", { area: share(found.area_share), hits: share(found.hit_rate), pai: found.pai.toFixed(1), issues: number(found.issues) });
  }

  zhoubian.hotspotPlace = function (row) { return row.place || row.district || say("place", { rank: row.rank }); };

  function spot(row, go) {
    const line = make("li");
    const button = make("button", "zb-row");
    button.type = "button";
    button.appendChild(make("span", "zb-number", String(row.rank)));
    const name = make("span", "zb-row-name", zhoubian.hotspotPlace(row));
    if (row.place && row.place_m >= 30) { name.appendChild(make("small", "", " " + say("near", { n: Math.round(row.place_m) }))); }
    button.appendChild(name);
    button.appendChild(make("span", "zb-row-side", number(row.density.toFixed(row.density < 10 ? 1 : 0))));
    button.addEventListener("click", function () { go(row); });
    line.appendChild(button);
    const facts = [say("top_facts", { issues: number(row.issues), places: number(row.places), place_days: number(row.place_days), rate: number(row.rate.toFixed(1)) })];
    if (row.change !== null) { facts.push(say("top_change", { change: row.change.toFixed(2) })); }
    facts.push(say("top_dates", row));
    line.appendChild(make("p", "zb-spot", facts.join(" · ")));
    const about = row.categories.map(function (pair) { return pair[0] + " " + number(pair[1]); });
    if (row.district && row.place) { about.unshift(row.district); }
    if (row.unit) { about.push(row.unit); }
    if (about.length) { line.appendChild(make("p", "zb-spot", about.join(" · "))); }
    return line;
  }

  zhoubian.hotspotList = function (box, found, go) {
    box.textContent = "";
    box.appendChild(make("p", "zb-sentence", forecast(found.forecast)));
    box.appendChild(make("h2", "", found.rows.length ? say("top", { n: found.rows.length }) : say("top_none")));
    if (found.rows.length) { box.appendChild(make("p", "zb-hint", say("unit"))); }
    const list = make("ol", "zb-top");
    found.rows.forEach(function (row) { list.appendChild(spot(row, go)); });
    box.appendChild(list);
  };

  /* What is known of a single issue, as text. */
  zhoubian.hotspotIssue = function (row) {
    const box = make("div", "zb-details");
    box.appendChild(make("h3", "", row.category));
    [row.found_at, row.address, row.unit, [row.source, row.state].filter(Boolean).join(" · "), row.id].forEach(function (words) {
      if (words) { box.appendChild(make("p", "", words)); }
    });
    return box;
  };
})();

/* The coverage map: roads are fetched once, streets and toilets at every change of a setting. Folium's script
   makes the map, the groups and the layer control and then calls `zhoubian.coverageMap`. In one file everything
   stands in the page. A gap is wide and dark with white dashes, so that a grey print shows it too. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const say = zhoubian.speaker("coverage.");
  const GAP = "#b3261e";
  const HELD = "#2f8f6b";
  const SHORT = "#8a8f94";

  function ask(address, signal) {
    return fetch(address, { credentials: "same-origin", signal: signal }).then(function (answer) {
      return answer.json().then(function (said) {
        if (!answer.ok) { throw Object.assign(new Error(said.error.message), { told: true }); }
        return said;
      });
    });
  }

  zhoubian.coverageMap = function (map, groups) {
    const source = document.getElementById("zb-source");
    const status = document.getElementById("zb-status");
    if (source.tagName === "SCRIPT") {
      const held = JSON.parse(source.textContent);
      zhoubian.texts = held.texts;
      const shown = start(map, groups, held.ground);
      shown.show(held.coverage);
      status.hidden = true;
      document.body.dataset.ready = "yes";
      return;
    }
    const data = source.dataset;
    Promise.all([ask(data.texts), ask(data.ground)]).then(function (both) {
      zhoubian.texts = both[0];
      live(start(map, groups, both[1]), data.api, status);
      document.body.dataset.ready = "yes";
    }).catch(function (fault) {
      status.textContent = fault.told ? fault.message : status.dataset.failed + " (" + fault.message + ")";
      document.body.dataset.ready = "failed";
      if (!fault.told) { throw fault; }
    });
  };

  function live(shown, api, status) {
    const fault = document.getElementById("zb-fault");
    let asking = null;
    const settings = zhoubian.CoverageSettings(document.getElementById("zb-settings"), refresh);

    function refresh() {
      if (asking) { asking.abort(); }
      asking = new AbortController();
      const query = settings.query();
      document.body.classList.add("zb-stale");
      ask(api + (query ? "?" + query : ""), asking.signal).then(function (answer) {
        shown.show(answer);
        fault.hidden = true;
        document.body.classList.remove("zb-stale");
        document.body.dataset.shown = query || "default";
        status.hidden = true;
      }).catch(function (problem) {
        if (problem.name === "AbortError") { return; }
        status.hidden = true;
        fault.textContent = problem.told ? problem.message : say("failed", { why: problem.message });
        fault.hidden = false;
        document.body.dataset.shown = query || "default";
        if (!problem.told) { throw problem; }
      });
    }
    refresh();
  }

  function start(map, groups, ground) {
    const renderers = zhoubian.panes(map);
    map.createPane("zb-streets");
    /* one canvas for streets and toilets: of two, only the upper one would feel the pointer */
    const streets = L.canvas({ pane: "zb-streets", padding: 0.3, tolerance: 4 });
    zhoubian.open(map, ground.bounds);
    zhoubian.corners(map, ground.attribution);
    zhoubian.drawRoads(map, groups.roads, ground.roads, renderers.roads);
    map.addLayer(new zhoubian.Labels([], zhoubian.streets(ground.roads, groups.roads)));
    zhoubian.printable(map);
    const legend = zhoubian.legendBox(map);
    const lines = [];
    const toilets = [];
    let gaps = [];
    let places = [];

    function line(group, paths, look, words) {
      const base = { pane: "zb-streets", renderer: streets, interactive: Boolean(words), smoothFactor: 1, lineCap: "butt" };
      const drawn = L.polyline(paths, Object.assign(base, look));
      if (words) { drawn.bindTooltip(function () { return zhoubian.make("span", "", words); }, { sticky: true }); }
      group.addLayer(drawn);
      lines.push(drawn);
      return drawn;
    }

    function fit() {
      const zoom = map.getZoom();
      const swell = Math.min(Math.max(0.5 + 0.25 * (zoom - 11), 0.6), 2);
      lines.forEach(function (one) {
        one.setStyle({ weight: one.options.wide * swell, dashArray: one.options.dash ? one.options.dash.map(function (d) { return d * swell; }).join(" ") : null });
      });
      toilets.forEach(function (one) { one.setRadius(zoom < 12 ? 2 : zoom < 14 ? 3.2 : zoom < 16 ? 5 : 7); });
    }

    function write(answer) {
      legend.textContent = "";
      legend.appendChild(zhoubian.make("b", "", answer.title));
      answer.legend.forEach(function (pair) {
        const said = zhoubian.make("p");
        said.appendChild(zhoubian.make("span", "zb-legend-label", pair[0]));
        said.appendChild(document.createTextNode(" " + pair[1]));
        legend.appendChild(said);
      });
    }

    function show(answer) {
      ["cover_gaps", "cover_held", "cover_short", "cover_places", "toilets_public", "toilets_office", "toilets_out"].forEach(function (name) { groups[name].clearLayers(); });
      lines.length = 0;
      toilets.length = 0;
      line(groups.cover_short, answer.short.map(zhoubian.decode), { color: SHORT, wide: 1.4, dash: [1, 4], opacity: 0.9 });
      line(groups.cover_held, answer.covered.map(zhoubian.decode), { color: HELD, wide: 2.2, opacity: 0.95 });
      gaps = answer.gaps.map(function (gap) {
        const paths = gap.paths.map(zhoubian.decode);
        const words = say("gap", { street: zhoubian.coverageStreet(gap.name), m: zhoubian.coverageMetres(gap.metres) });
        return line(groups.cover_gaps, paths, { color: GAP, wide: 4, opacity: 1 }, words);
      });
      line(groups.cover_gaps, [].concat.apply([], answer.gaps.map(function (gap) { return gap.paths.map(zhoubian.decode); })), { color: "#ffffff", wide: 1.6, dash: [4, 4], opacity: 1 });
      answer.toilets.forEach(function (one) {
        const kind = one.counted !== "yes" ? "out" : one.kind === "office" ? "office" : "public";
        const mark = new zhoubian.Toilet([one.xy[1], one.xy[0]], { pane: "zb-streets", renderer: streets, toilet: kind, radius: 3 });
        const what = say("kind." + one.kind) + zhoubian.text("comma") + say("counted." + one.counted);
        mark.bindTooltip(function () { return zhoubian.make("span", "", say("toilet", { name: one.name || say("no_name"), what: what })); });
        groups["toilets_" + kind].addLayer(mark);
        toilets.push(mark);
      });
      places = answer.places.map(function (place) {
        const icon = L.divIcon({ className: "zb-next-mark", html: String(Number(place.rank)), iconSize: [24, 24] });
        const mark = L.marker([place.xy[1], place.xy[0]], { icon: icon, keyboard: false, zIndexOffset: 1000 - place.rank });
        const words = say("place", { rank: place.rank, street: zhoubian.coverageStreet(place.street), m: zhoubian.coverageMetres(place.metres) });
        mark.bindTooltip(function () { return zhoubian.make("span", "", words); });
        groups.cover_places.addLayer(mark);
        return mark;
      });
      fit();
      write(answer);
      zhoubian.coverageList(document.getElementById("zb-picture"), answer, {
        gap: function (number) { map.fitBounds(gaps[number].getBounds(), { animate: false, maxZoom: 16, padding: [40, 40] }); gaps[number].openTooltip(); },
        place: function (number) { map.setView(places[number].getLatLng(), Math.max(map.getZoom(), 15.5)); },
      });
      zhoubian.coverageWords(document.getElementById("zb-words"), answer.words);
      document.getElementById("zb-title").textContent = answer.title;
    }

    map.on("zoomend", fit);
    map.on("overlayadd", function () { toilets.forEach(function (one) { if (map.hasLayer(one)) { one.bringToFront(); } }); });
    return { show: show };
  }
})();

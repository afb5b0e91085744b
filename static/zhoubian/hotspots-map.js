/* The hotspot map. Folium's script makes the map, the groups and the layer control and then calls
   `zhoubian.hotspotsMap`. A change of the filter asks for one answer and one picture; what is on the map
   stays until the next is there. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const ISSUES_FROM = 17;
  const POLL_MS = 400;
  const say = zhoubian.speaker("hotspots.");
  const number = function (value) { return zhoubian.hotspotNumber(value); };
  const box = function (bounds) { return [[bounds[1], bounds[0]], [bounds[3], bounds[2]]]; };

  function ask(address, signal) {
    return fetch(address, { credentials: "same-origin", signal: signal }).then(function (answer) {
      return answer.json().then(function (said) {
        if (!answer.ok) { throw Object.assign(new Error(said.error.message), { told: true, code: said.error.code }); }
        return said;
      });
    });
  }

  /* Resolves once the issues have been read; says meanwhile how far it is. */
  function ready(api, status) {
    return ask(api + "/state").then(function (found) {
      if (found.state === "ready") { return; }
      if (found.state === "failed") { throw Object.assign(new Error(found.message), { told: true }); }
      status.textContent = found.total ? say("reading", { done: number(found.done), total: number(found.total) }) : say("reading_first");
      return new Promise(function (go) { window.setTimeout(go, POLL_MS); }).then(function () { return ready(api, status); });
    });
  }

  zhoubian.hotspotsMap = function (map, groups) {
    const status = document.getElementById("zb-status");
    const data = document.getElementById("zb-source").dataset;
    ask(data.texts).then(function (texts) {
      zhoubian.texts = texts;
      return ready(data.api, status);
    }).then(function () { return ask(data.api + "/choices"); }).then(function (choices) {
      start(map, groups, choices, data.api);
      status.hidden = true;
    }).catch(function (fault) {
      status.textContent = fault.told ? fault.message : status.dataset.failed + " (" + fault.message + ")";
      document.body.dataset.ready = "failed";
      if (!fault.told) { throw fault; }
    });
  };

  function picturePane(map) {
    map.createPane("zb-picture");
    return L.canvas({ pane: "zb-picture", padding: 0.3 });
  }

  function picture(address, bounds, hidden) {
    return L.imageOverlay(address, box(bounds), { pane: "zb-picture", opacity: hidden ? 0 : 1, className: "zb-overlay" });
  }

  function start(map, groups, choices, api) {
    const renderers = zhoubian.panes(map);
    const canvas = picturePane(map);
    zhoubian.open(map, choices.bounds);
    zhoubian.corners(map, choices.attribution);
    const write = zhoubian.HotspotLegend(map);
    const list = document.getElementById("zb-picture");
    const fault = document.getElementById("zb-fault");
    const settings = zhoubian.HotspotSettings(document.getElementById("zb-settings"), refresh);
    const state = settings.state;
    settings.offer(choices);
    let drawn = []; /* layers of the view that is shown */
    let tiles = null;
    let asking = null;
    let frames = null;
    let turn = 0;
    const second = secondMap(map);
    const outline = zhoubian.HotspotArea(map, renderers.buffers, settings);

    function complain(problem) {
      if (problem.name === "AbortError") { return; }
      fault.textContent = problem.told ? problem.message : say("failed", { why: problem.message });
      fault.hidden = false;
      document.body.dataset.shown = settings.all();
      if (!problem.told) { throw problem; }
    }

    /* New layers come first, the old ones go once the new picture is there: nothing flickers. */
    function replaceBy(layers, image, mine) {
      const old = drawn;
      drawn = layers;
      layers.forEach(function (layer) { layer.addTo(map); });
      const settle = function () {
        old.forEach(function (layer) { map.removeLayer(layer); });
        if (mine === turn) { document.body.dataset.shown = settings.all(); }
      };
      if (image) { image.once("load", settle).once("error", settle); } else { window.requestAnimationFrame(settle); }
    }

    function refresh() {
      turn += 1;
      const mine = turn;
      if (asking) { asking.abort(); }
      asking = new AbortController();
      const signal = asking.signal;
      const side = state.view === "change" && state.side === "1";
      frames = null;
      outline();
      document.getElementById("zb-words").textContent = settings.words(choices);
      const asked = settings.asked(["view", "bandwidth", "before_since", "before_until"]);
      document.body.classList.add("zb-stale");
      const done = function (answer) {
        if (mine !== turn) { return; }
        fault.hidden = true;
        document.body.classList.remove("zb-stale");
        if (side) { showSides(answer, mine); } else { show(answer, mine); }
        issues();
      };
      const failed = function (problem) {
        document.body.classList.remove("zb-stale");
        complain(problem);
      };
      /* the list comes second, so that nothing holds up the picture; it comes whatever the view answers */
      ask(api + (side ? "/sides?" : "?") + asked, signal).then(done).catch(failed).then(function () {
        if (mine !== turn) { return undefined; }
        return ask(api + "/top?" + settings.asked(["bandwidth"]), signal).then(function (found) {
          if (mine !== turn) { return; }
          zhoubian.hotspotList(list, found, go);
          marks(found.rows);
          document.body.dataset.listed = settings.all();
          if (state.view === "density" && state.month) { months(true); }
        });
      }).catch(failed);
    }

    function show(answer, mine) {
      second.hide();
      sliderOff();
      if (tiles) { map.removeLayer(tiles); tiles = null; }
      if (answer.view === "hexagons") {
        replaceBy([hexagons(answer, canvas)], null, mine);
      } else {
        const image = picture(answer.picture.address, answer.picture.bounds);
        replaceBy([image], image, mine);
        if (answer.tiles) {
          tiles = L.tileLayer(answer.tiles.address, { pane: "zb-picture", minZoom: answer.tiles.from, maxZoom: 19, bounds: box(answer.picture.bounds), className: "zb-overlay" });
          sharpen();
        }
      }
      write(say("title." + answer.view), answer.view, answer.facts, answer.legend);
    }

    /* Close up, tiles take the place of the picture of the whole city. */
    function sharpen() {
      const close = tiles && !frames && map.getZoom() >= tiles.options.minZoom;
      if (tiles) { if (close) { tiles.addTo(map); } else { map.removeLayer(tiles); } }
      drawn.forEach(function (layer) { if (layer.setOpacity && !frames) { layer.setOpacity(close ? 0 : 1); } });
    }

    function showSides(answer, mine) {
      if (tiles) { map.removeLayer(tiles); tiles = null; }
      const before = answer.sides[0];
      const after = answer.sides[1];
      const image = picture(before.address, before.bounds);
      replaceBy([image], image, mine);
      second.show(picture(after.address, after.bounds), [before.facts, after.facts]);
      const facts = Object.assign({}, after.facts, { before_since: before.facts.since, before_until: before.facts.until });
      write(say("title.side"), "density", facts, answer.legend);
    }

    /* -- months ------------------------------------------------------------------------------- */

    const tick = document.getElementById("zb-months");
    const slider = document.getElementById("zb-month");
    const said = document.getElementById("zb-month-said");

    function sliderOff() {
      tick.checked = false;
      slider.hidden = true;
      said.textContent = "";
    }

    function months(on) {
      if (!on) {
        settings.keep("month", "");
        refresh();
        return;
      }
      const mine = turn;
      tick.checked = true;
      ask(api + "/frames?" + settings.asked(["bandwidth"])).then(function (found) {
        if (mine !== turn) { return; }
        fault.hidden = true;
        frames = found;
        frames.layers = found.months.map(function (frame) { return picture(frame.address, found.bounds, true); });
        if (tiles) { map.removeLayer(tiles); tiles = null; }
        slider.max = String(found.months.length - 1);
        const wanted = found.months.findIndex(function (frame) { return frame.month === state.month; });
        slider.value = String(wanted < 0 ? found.months.length - 1 : wanted);
        slider.hidden = false;
        replaceBy(frames.layers, frames.layers[Number(slider.value)], mine);
        slide();
      }).catch(function (problem) { tick.checked = false; complain(problem); });
    }

    function slide() {
      const at = Number(slider.value);
      const frame = frames.months[at];
      frames.layers.forEach(function (layer, i) { layer.setOpacity(i === at ? 1 : 0); });
      said.textContent = frame.month + " · " + say("used", { used: number(frame.used) });
      write(say("title.months", { month: frame.month }), "density", frame.facts, frames.legend);
      settings.keep("month", frame.month);
      document.body.dataset.month = frame.month;
    }

    tick.addEventListener("change", function () { months(tick.checked); });
    slider.addEventListener("input", function () { if (frames) { slide(); } });

    /* -- places and single issues ------------------------------------------------------------- */

    function go(row) { map.setView([row.lat, row.lon], Math.max(16, map.getZoom()), { animate: false }); }

    function marks(rows) {
      groups.top_spots.clearLayers();
      rows.forEach(function (row) {
        const icon = L.divIcon({ className: "zb-rank", html: String(Number(row.rank)), iconSize: [22, 22] });
        const words = make("span", "", row.rank + " " + zhoubian.hotspotPlace(row));
        L.marker([row.lat, row.lon], { icon: icon, title: "", keyboard: false, zIndexOffset: 100 - row.rank }).bindTooltip(words).addTo(groups.top_spots);
      });
    }

    let points = null;
    function issues() {
      const group = groups.single_issues;
      if (map.getZoom() < ISSUES_FROM) { group.clearLayers(); points = null; return; }
      const bounds = map.getBounds().pad(0.1);
      const asked = api + "/issues.json?bbox=" + [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map(function (one) { return one.toFixed(5); }).join(",") + "&" + settings.asked();
      if (asked === points) { return; }
      points = asked;
      ask(asked).then(function (found) {
        if (asked !== points) { return; }
        group.clearLayers();
        found.issues.forEach(function (row) {
          L.circleMarker([row.xy[1], row.xy[0]], { radius: 4, color: "#10222e", weight: 1, fillColor: "#ffffff", fillOpacity: 0.9 })
            .bindPopup(function () { return zhoubian.hotspotIssue(row); }).addTo(group);
        });
        said.textContent = found.more ? say("more_issues", { n: number(found.more) }) : said.textContent;
        document.body.dataset.issues = String(found.issues.length);
      }).catch(complain);
    }

    map.on("moveend", issues);
    map.on("zoomend", sharpen);

    choices.piles.forEach(function (pile) {
      const icon = L.divIcon({ className: "zb-pile", html: "", iconSize: [14, 14] });
      const words = make("span", "", say("pile", { issues: number(pile.issues) }));
      L.marker([pile.xy[1], pile.xy[0]], { icon: icon, keyboard: false }).bindTooltip(words).addTo(groups.piles);
    });
    zhoubian.printable(map);
    refresh();
    ask(api + "/ground").then(function (ground) {
      zhoubian.drawRoads(map, groups.roads, ground.roads, renderers.roads);
      second.ground(ground);
      ground.outline.forEach(function (path) {
        L.polyline(zhoubian.decode(path), { pane: "zb-buffers", renderer: renderers.buffers, color: "#59646d", weight: 1.2, dashArray: "5 4", interactive: false }).addTo(groups.outline);
      });
      new zhoubian.Labels([], zhoubian.streets(ground.roads, groups.roads)).addTo(map);
      document.body.dataset.ready = "yes";
    }).catch(complain);
  }

  function hexagons(answer, canvas) {
    const group = L.featureGroup();
    answer.paths.forEach(function (path, i) {
      const edge = answer.classes[i] === 0;
      const shape = L.polygon(zhoubian.decode(path), {
        renderer: canvas, pane: "zb-picture", smoothFactor: 0.5, weight: edge ? 0.8 : 0.4, color: edge ? "#59646d" : "#ffffff",
        fillColor: answer.colours[answer.classes[i]], fillOpacity: edge ? 0 : 0.8,
      });
      shape.row = i;
      group.addLayer(shape);
    });
    group.bindTooltip(function (shape) {
      const rate = answer.rates[shape.row];
      const facts = { issues: number(answer.issues[shape.row]), rate: rate === null ? "" : number(rate) + " " + say("unit") };
      return make("span", "", say(rate === null ? "hexagon_edge" : "hexagon", facts));
    }, { sticky: true });
    return group;
  }

  /* The right half of the frame: the later of two periods, moving with the first map. */
  function secondMap(map) {
    const place = document.getElementById("zb-second");
    const titles = [document.getElementById("zb-side-left"), document.getElementById("zb-side-right")];
    let other = null;
    let held = null;
    let shown = null;
    let following = false;
    const follow = function (from, to) {
      return function () {
        if (following || !to() || place.hidden) { return; }
        following = true;
        to().setView(from().getCenter(), from().getZoom(), { animate: false });
        following = false;
      };
    };

    function roads() {
      if (!other || !held || other.grounded) { return; }
      other.grounded = true;
      const group = L.layerGroup().addTo(other);
      zhoubian.drawRoads(other, group, held.roads, other.renderers.roads);
    }

    function open() {
      if (other) { return; }
      other = L.map(place, { zoomControl: false, attributionControl: false, zoomSnap: 0.5, maxZoom: 19, preferCanvas: true });
      other.renderers = zhoubian.panes(other);
      other.createPane("zb-picture");
      other.setView(map.getCenter(), map.getZoom());
      map.on("move", follow(function () { return map; }, function () { return other; }));
      other.on("move", follow(function () { return other; }, function () { return map; }));
      roads();
    }

    function titled(facts) { return { since: facts.since, until: facts.until, used: number(facts.used) }; }

    function divide(on) {
      if (place.hidden === !on) { return; }
      place.hidden = !on;
      titles.forEach(function (one) { one.hidden = !on; });
      document.body.classList.toggle("zb-two", on);
      map.invalidateSize({ animate: false });
      if (other) { other.invalidateSize({ animate: false }); }
    }

    return {
      show: function (image, facts) {
        const fresh = place.hidden;
        divide(true);
        open();
        if (shown) { other.removeLayer(shown); }
        shown = image.addTo(other);
        titles[0].textContent = say("before_title", titled(facts[0]));
        titles[1].textContent = say("after_title", titled(facts[1]));
        if (fresh) { zhoubian.whole(); }
        other.setView(map.getCenter(), map.getZoom(), { animate: false });
      },
      hide: function () { divide(false); },
      ground: function (ground) { held = ground; roads(); },
    };
  }
})();

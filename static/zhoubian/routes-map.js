/* The routes page. Folium's script makes the map, the groups and the layer control and then calls
   `zhoubian.routesMap`. The service holds the plan; a change is asked for and its answer is shown. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const say = zhoubian.routeSay;
  const POLL_MS = 500;
  const PAUSE_MS = 150;
  const FAINT = 0.16;
  const el = function (id) { return document.getElementById(id); };

  function ask(address, options) {
    const asked = Object.assign({ credentials: "same-origin" }, options);
    asked.headers = Object.assign({ "X-Zhoubian": "1" }, asked.headers);
    return fetch(address, asked).then(function (answer) {
      return answer.json().then(function (said) {
        if (!answer.ok) { throw Object.assign(new Error(said.error.message), { told: true, code: said.error.code }); }
        return said;
      });
    });
  }

  zhoubian.post = function (address, value) {
    return ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
  };

  zhoubian.routesMap = function (map, groups) {
    const status = el("zb-status");
    const source = el("zb-source").dataset;
    Promise.all([zhoubian.get(source.texts), ask(source.ground)]).then(function (both) {
      zhoubian.texts = both[0];
      return start(map, groups, both[1], source);
    }).then(function () {
      status.hidden = true;
      document.body.dataset.ready = "yes";
    }).catch(function (fault) {
      status.textContent = fault.told ? fault.message : status.dataset.failed + " (" + fault.message + ")";
      document.body.dataset.ready = "failed";
      if (!fault.told) { throw fault; }
    });
  };

  function start(map, groups, ground, source) {
    const renderers = zhoubian.panes(map);
    map.options.renderer = L.canvas({ tolerance: 5, padding: 0.3 });
    zhoubian.open(map, ground.bounds);
    zhoubian.corners(map, ground.attribution);
    zhoubian.drawRoads(map, groups.roads, ground.roads, renderers.roads);
    let labels = new zhoubian.Labels([], zhoubian.streets(ground.roads, groups.roads)).addTo(map);
    const streets = labels._streets;
    let held = null;
    let selected = null;
    let focused = null;
    let waiting = false;
    let halo = null;
    let lines = {};
    let marks = {};
    let solving = false;
    let timer = 0;

    const list = zhoubian.RouteList({
      act: act,
      select: function (site) { choose(site === selected ? null : site, true); },
      over: over,
      focus: function (team) { focus(team === focused ? null : team); },
      busy: function () { return waiting || solving; },
    });
    const form = zhoubian.RouteForm(map, source, groups.route_ends, groups.route_stops, made, complain);

    // -- asking ------------------------------------------------------------------------------

    function address(part) { return source.api + "/" + encodeURIComponent(held.plan.name) + (part ? "/" + part : ""); }

    function complain(problem) {
      if (!problem) { el("zb-fault").hidden = true; return; }
      el("zb-fault").textContent = problem.told ? problem.message : say("failed", { why: problem.message });
      el("zb-fault").hidden = false;
      document.body.dataset.fault = problem.code || "failed";
    }

    function act(action, facts) {
      if (waiting) { return; }
      waiting = true;
      document.body.classList.add("zb-waiting");
      zhoubian.post(address(action), Object.assign({ revision: held.plan.revision }, facts)).then(function (answer) {
        settle();
        complain(null);
        show(answer, true);
        el("zb-told").textContent = say("changed", { work: answer.plan.routes.map(function (route, i) { return zhoubian.teamName(answer.plan.teams[i]) + " " + zhoubian.routeSpan(route.work_s); }).join(zhoubian.text("comma")) });
      }).catch(function (problem) {
        settle();
        complain(problem);
        if (problem.code === "plan_changed") { return reread(); }
        if (problem.code === "plan_solving") { poll(); }
        return undefined;
      });
    }

    function settle() {
      waiting = false;
      document.body.classList.remove("zb-waiting");
    }

    function reread() { return ask(address("")).then(function (answer) { show(answer, false); }); }

    function made(answer) {
      complain(null);
      window.history.pushState(null, "", answer.page);
      el("zb-new").hidden = true;
      form.shown(false);
      held = null;
      show(answer, false);
      solving = true; /* it may be done before it is asked after */
      poll();
    }

    // -- solving -----------------------------------------------------------------------------

    function poll() {
      window.clearTimeout(timer);
      const name = held.plan.name;
      ask(address("job")).then(function (job) {
        if (held.plan.name !== name) { return; }
        const on = job.state === "waiting" || job.state === "running";
        progress(job, on);
        if (on) { timer = window.setTimeout(poll, POLL_MS); return; }
        if (job.state === "failed" && solving) { complain({ told: true, message: job.message, code: "solving" }); }
        if (solving) { solving = false; reread().catch(complain); }
        document.body.classList.remove("zb-solving");
        document.body.dataset.job = job.state;
      }).catch(complain);
    }

    function progress(job, on) {
      el("zb-progress").hidden = !on;
      el("zb-solve").hidden = on;
      if (!on) { return; }
      solving = true;
      document.body.classList.add("zb-solving");
      document.body.dataset.job = job.state;
      const bar = el("zb-progress").querySelector("progress");
      if (job.share === null) { bar.removeAttribute("value"); } else { bar.value = job.share; }
      const said = [job.state === "waiting" ? say("waiting") : job.left_s === null ? say("solving") : say("solving_left", { n: Math.ceil(job.left_s) })];
      if (job.best) {
        said.push(say("best", { time: zhoubian.routeSpan(job.best.travel_s), longest: zhoubian.routeSpan(job.best.longest_s) }));
        if (job.best.issues !== null) { said.push(say("issues", { share: zhoubian.routeShare(job.best.issues) })); }
      }
      el("zb-progress").querySelector("p").textContent = said.join(" · ");
    }

    el("zb-stop").addEventListener("click", function () { zhoubian.post(address("job"), {}).then(poll).catch(complain); });
    el("zb-solve").addEventListener("click", function () {
      zhoubian.post(address("improve"), {}).then(function () { complain(null); solving = true; poll(); }).catch(complain);
    });

    // -- showing -----------------------------------------------------------------------------

    function show(answer, edited) {
      const fresh = !held || held.plan.name !== answer.plan.name;
      const plan = answer.plan;
      answer.sites = {};
      answer.modes = {};
      plan.sites.forEach(function (site) { answer.sites[site.id] = site; });
      plan.teams.forEach(function (team) { answer.modes[team.id] = team.mode; });
      held = answer;
      zhoubian.routeAll = plan.totals.priority;
      if (focused && !answer.modes[focused]) { focused = null; }
      el("zb-plan").hidden = false;
      head();
      list.show(answer, edited);
      list.focus(focused);
      paint();
      if (fresh) {
        bounds();
        zhoubian.whole();
      }
      if (selected && !answer.sites[selected]) { selected = null; }
      glow(selected);
      document.body.dataset.plan = plan.name;
      document.body.dataset.revision = String(plan.revision);
    }

    function head() {
      const plan = held.plan;
      const sums = plan.totals;
      el("zb-name").textContent = plan.name;
      el("zb-print-name").textContent = plan.name;
      document.title = plan.name + " · " + say("title");
      const said = [];
      if (plan.date) { said.push(plan.date); }
      if (plan.draw) { said.push(say("of_draw", { name: plan.draw })); }
      said.push(say("visited", { visited: sums.visited, sites: sums.sites }));
      if (sums.required) { said.push(say("required_visited", { visited: sums.required_visited, sites: sums.required })); }
      said.push(say("issues", { share: zhoubian.routeShare(sums.priority_visited) }));
      said.push(say("travel", { time: zhoubian.routeSpan(sums.travel_s), way: zhoubian.routeLength(sums.metres) }));
      said.push(say("longest", { time: zhoubian.routeSpan(sums.longest_work_s), mean: zhoubian.routeSpan(sums.mean_work_s) }));
      el("zb-totals").textContent = said.join(" · ");
      el("zb-words").textContent = [say("internal"), plan.name].concat(said, [say("engine." + plan.engine.name)], held.estimate ? [held.estimate] : [], plan.roads.source ? [plan.roads.source] : []).join(" · ");
      const caption = document.querySelector(".zb-caption");
      if (caption.hidden) {
        caption.hidden = false;
        map.invalidateSize({ animate: false });
      }
      const rough = el("zb-estimate");
      rough.hidden = !held.estimate && !plan.roads.approximate;
      rough.textContent = held.estimate || say("approximate");
      const notes = el("zb-notes");
      notes.hidden = !held.warnings.length;
      notes.querySelector("summary").textContent = say("warnings", { n: held.warnings.length });
      const lines_ = notes.querySelector("ul");
      lines_.textContent = "";
      held.warnings.forEach(function (words) { lines_.appendChild(make("li", "", words)); });
      const files = el("zb-files");
      files.textContent = "";
      held.files.forEach(function (one) {
        const link = make("a", "", say("file." + one.kind));
        link.href = one.address;
        if (one.kind === "sheets") { link.target = "_blank"; }
        files.appendChild(link);
      });
      const other = el("zb-other-lang");
      other.href = held.page + "?lang=" + other.dataset.lang;
    }

    function at(lonlat) { return [lonlat[1], lonlat[0]]; }

    function paint() {
      const plan = held.plan;
      [groups.route_lines, groups.route_stops, groups.route_ends, groups.route_dropped].forEach(function (group) { group.clearLayers(); });
      lines = {};
      marks = {};
      const named = [];
      const ends = {};
      plan.teams.forEach(function (team, i) {
        const route = plan.routes[i];
        const colour = held.colours[i];
        const ink = zhoubian.inkOn(colour);
        /* no line stands for a way that there is not */
        const paths = route.legs.filter(function (leg) { return leg.metres !== null; }).map(function (leg) { return leg.path.map(at); });
        const through = route.stops.filter(function (stop) { return stop.enter[0] !== stop.exit[0] || stop.enter[1] !== stop.exit[1]; }).map(function (stop) { return [at(stop.enter), at(stop.exit)]; });
        lines[team.id] = [
          L.polyline(through, { color: colour, weight: 3, dashArray: "2 5", interactive: false, opacity: 1 }),
          new zhoubian.RouteLine(paths, { color: colour, weight: 4.5, shift: 3.2, opacity: 1, smoothFactor: 0.8 }),
        ];
        lines[team.id][1].on("click", function (event) { L.DomEvent.stopPropagation(event); focus(focused === team.id ? null : team.id); });
        lines[team.id].forEach(function (line) { groups.route_lines.addLayer(line); });
        if (route.stops.length) {
          [["start", team.start], ["end", team.end]].forEach(function (one) {
            if (one[1]) { ends[one[1].join(",")] = (ends[one[1].join(",")] || []).concat([one[0]]); }
          });
        }
        route.stops.forEach(function (stop) {
          const site = held.sites[stop.site];
          const mark = new zhoubian.RouteStop(at(site.ends ? stop.enter : site.lonlat), { number: stop.number, kind: site.kind, color: colour, ink: ink, late: stop.late_s > 0, locked: stop.locked || route.locked, radius: 11, opacity: 1 });
          hang(mark, site, team.id);
          groups.route_stops.addLayer(mark);
          named.push({ latlng: mark.getLatLng(), text: zhoubian.siteName(site), minZoom: 14, weight: 600, color: "#1f2a33", group: groups.route_stops, dy: 21 });
        });
      });
      plan.dropped.forEach(function (one) {
        const site = held.sites[one.site];
        const mark = new zhoubian.RouteMissed(at(site.lonlat), { kind: site.kind, radius: 8, opacity: 1 });
        hang(mark, site, null);
        groups.route_dropped.addLayer(mark);
        named.push({ latlng: mark.getLatLng(), text: zhoubian.siteName(site), minZoom: 15, weight: 400, color: "#66727b", group: groups.route_dropped, dy: 18 });
      });
      Object.keys(ends).forEach(function (key) {
        const lonlat = key.split(",").map(Number);
        const letter = (ends[key].indexOf("start") >= 0 ? say("letter.start") : "") + (ends[key].indexOf("end") >= 0 ? say("letter.end") : "");
        groups.route_ends.addLayer(new zhoubian.RouteEnd(at(lonlat), { letter: letter, radius: letter.length > 1 ? 14 : 10, opacity: 1, interactive: false }));
      });
      map.removeLayer(labels);
      labels = new zhoubian.Labels(named, streets).addTo(map);
      order();
      faint();
    }

    function hang(mark, site, team) {
      mark.team = team;
      marks[site.id] = mark;
      mark.on("click", function (event) { L.DomEvent.stopPropagation(event); choose(site.id, false); });
      mark.on("mouseover", function () { list.over(site.id); });
      mark.on("mouseout", function () { list.over(null); });
    }

    function order() {
      ["route_lines", "route_dropped", "route_ends", "route_stops"].forEach(function (name) { if (map.hasLayer(groups[name])) { groups[name].bringToFront(); } });
    }

    map.on("overlayadd", order);
    map.on("overlayadd overlayremove", function () { map.fire("zb:toggled"); });

    function bounds() {
      const all = [];
      held.plan.sites.forEach(function (site) { all.push(site.lonlat); });
      held.plan.teams.forEach(function (team) { [team.start, team.end].forEach(function (one) { if (one) { all.push(one); } }); });
      held.plan.routes.forEach(function (route) { route.legs.forEach(function (leg) { leg.path.forEach(function (one) { all.push(one); }); }); });
      if (!all.length) { return; }
      zhoubian.whole = function () { map.fitBounds(all.map(at), { animate: false, padding: [36, 36], maxZoom: 17 }); };
    }

    // -- list and map ------------------------------------------------------------------------

    function glow(site) {
      if (halo) { halo.remove(); halo = null; }
      const mark = site && marks[site];
      if (mark) { halo = L.circleMarker(mark.getLatLng(), { pane: "zb-halo", renderer: renderers.halo, interactive: false, radius: 19, weight: 7, color: "#ffc83d", opacity: 0.9, fill: false }).addTo(map); }
    }

    function over(site) { glow(site || selected); }

    function choose(site, fromList) {
      selected = site;
      list.select(site, !fromList);
      map.closePopup();
      glow(site);
      const mark = site && marks[site];
      if (!mark) { return; }
      if (fromList && !map.getBounds().pad(-0.08).contains(mark.getLatLng())) { map.panTo(mark.getLatLng(), { animate: false }); }
      if (!fromList) { L.popup({ maxWidth: 300, minWidth: 210, offset: [0, -8], autoPanPadding: [30, 30] }).setLatLng(mark.getLatLng()).setContent(details(site)).openOn(map); }
    }

    function details(id) {
      const site = held.sites[id];
      const box = make("div", "zb-details");
      let found = null;
      held.plan.routes.forEach(function (route, i) { route.stops.forEach(function (stop) { if (stop.site === id) { found = { stop: stop, team: held.plan.teams[i] }; } }); });
      box.appendChild(make("p", "zb-details-kind", found ? say("stop_of", { team: zhoubian.teamName(found.team), n: found.stop.number, kind: zhoubian.kindName(site.kind) }) : zhoubian.kindName(site.kind)));
      box.appendChild(make("h3", "", zhoubian.siteName(site)));
      if (found) {
        box.appendChild(zhoubian.stopFacts(site, found.stop));
        box.appendChild(zhoubian.stopLinks(held.links[id] || []));
      } else {
        box.appendChild(zhoubian.droppedFacts(site, held.reasons[id]));
      }
      return box;
    }

    function focus(team) {
      focused = team;
      list.focus(team);
      faint();
      if (!team) { return; }
      const card = Array.from(document.querySelectorAll(".zb-team")).find(function (one) { return one.dataset.team === team; });
      if (card) { card.scrollIntoView({ block: "nearest" }); }
    }

    function faint() {
      Object.keys(lines).forEach(function (team) {
        const look = { opacity: focused && focused !== team ? FAINT : 1 };
        lines[team].forEach(function (line) { line.setStyle(look); });
        if (focused === team) { lines[team].forEach(function (line) { line.bringToFront(); }); }
      });
      Object.keys(marks).forEach(function (site) { marks[site].setStyle({ opacity: focused && marks[site].team !== focused ? FAINT * 1.6 : 1 }); });
      order();
    }

    map.on("click", function () { if (focused) { focus(null); } });

    // -- adding a site -----------------------------------------------------------------------

    let seeking = 0;
    el("zb-seek").addEventListener("input", function () {
      window.clearTimeout(seeking);
      seeking = window.setTimeout(seek, PAUSE_MS);
    });

    function seek() {
      const words = el("zb-seek").value.trim();
      const box = el("zb-found");
      if (!words) { box.textContent = ""; return; }
      ask(address("sites") + "?q=" + encodeURIComponent(words)).then(function (found) {
        if (el("zb-seek").value.trim() !== words) { return; }
        box.textContent = "";
        found.sites.forEach(function (site) {
          const item = make("li");
          const row = make("button", "zb-row");
          row.type = "button";
          row.appendChild(zhoubian.kindKey(site.kind));
          row.appendChild(make("span", "zb-row-name", zhoubian.siteName(site)));
          row.appendChild(make("span", "zb-row-side", site.unit));
          row.addEventListener("click", function () {
            el("zb-seek").value = "";
            box.textContent = "";
            document.querySelector(".zb-adding").open = false;
            selected = site.layer + "/" + site.unit;
            act("add", { site: selected });
          });
          item.appendChild(row);
          box.appendChild(item);
        });
        if (!found.sites.length) { box.appendChild(make("li", "zb-quiet", say("found_none"))); }
      }).catch(complain);
    }

    document.addEventListener("click", function (event) {
      document.querySelectorAll(".zb-menu[open]").forEach(function (menu) { if (!menu.contains(event.target)) { menu.open = false; } });
    });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") { document.querySelectorAll(".zb-menu[open]").forEach(function (menu) { menu.open = false; menu.querySelector("summary").focus(); }); }
    });
    window.addEventListener("popstate", function () { window.location.reload(); });
    el("zb-fault").addEventListener("click", function () { complain(null); });
    window.addEventListener("beforeprint", function () { el("zb-notes").open = true; });

    zhoubian.printable(map);
    if (!source.plan) { form.shown(true); return undefined; }
    return ask(source.api + "/" + encodeURIComponent(source.plan)).then(function (answer) {
      show(answer, false);
      poll();
    });
  }
})();

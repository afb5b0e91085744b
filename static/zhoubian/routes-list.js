/* The list beside the map: a timeline per team, stops that are dragged or moved by buttons, and what is not
   visited. `act(action, facts)` asks for a change; the whole list is drawn anew from the answer. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const say = zhoubian.routeSay;
  const clock = zhoubian.routeClock;
  const span = zhoubian.routeSpan;

  const MISSED = 60; /* so many unvisited sites are listed at first */

  function button(words, look, action, done) {
    const one = make("button", look, words);
    one.type = "button";
    one.dataset.act = action;
    one.addEventListener("click", done);
    return one;
  }

  /* view: {act, select(site), over(site or null), focus(team or null), busy()} */
  zhoubian.RouteList = function (view) {
    const teamsBox = document.getElementById("zb-teams");
    const droppedBox = document.getElementById("zb-dropped");
    let held = null;
    let selected = null;
    let dragged = null;
    let before = {};
    let missed = MISSED;

    // -- moving ------------------------------------------------------------------------------

    /* `position` counts from 0 without the stop itself; null: where it fits best. */
    function move(site, team, position) { view.act("move", { site: site, team: team, position: position === null ? null : position + 1 }); }

    function teamSelect(site, without) {
      const box = make("select", "zb-to");
      box.dataset.act = "to";
      box.setAttribute("aria-label", say("to_team"));
      box.appendChild(new Option(say("to_team"), ""));
      held.plan.teams.forEach(function (team) {
        if (team.id !== without) { box.appendChild(new Option(zhoubian.teamName(team), team.id)); }
      });
      box.disabled = box.options.length < 2;
      box.addEventListener("change", function () {
        if (box.value) { move(site.id, box.value, null); }
      });
      return box;
    }

    function draggable(item, site) {
      item.draggable = true;
      item.addEventListener("dragstart", function (event) {
        if (view.busy()) { event.preventDefault(); return; }
        dragged = site.id;
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", zhoubian.siteName(site));
        window.setTimeout(function () { item.classList.add("zb-dragged"); document.body.classList.add("zb-dragging"); }, 0);
      });
      item.addEventListener("dragend", function () {
        dragged = null;
        item.classList.remove("zb-dragged");
        document.body.classList.remove("zb-dragging");
        unmark();
      });
    }

    function unmark() {
      teamsBox.querySelectorAll(".zb-here, .zb-here-end").forEach(function (one) { one.classList.remove("zb-here", "zb-here-end"); });
    }

    /* The place in a team's list that a height on the screen means, not counting what is dragged. */
    function placeAt(box, y) {
      const items = Array.from(box.querySelectorAll(".zb-stop")).filter(function (item) { return item.dataset.site !== dragged; });
      let position = items.length;
      for (let i = items.length - 1; i >= 0; i--) {
        const edges = items[i].getBoundingClientRect();
        if (y < edges.top + edges.height / 2) { position = i; }
      }
      return { position: position, item: items[position] || null };
    }

    function receives(box, team) {
      box.addEventListener("dragover", function (event) {
        if (!dragged) { return; }
        event.preventDefault();
        event.dataTransfer.dropEffect = "move";
        unmark();
        const place = placeAt(box, event.clientY);
        if (place.item) { place.item.classList.add("zb-here"); } else { box.classList.add("zb-here-end"); }
      });
      box.addEventListener("drop", function (event) {
        if (!dragged) { return; }
        event.preventDefault();
        const site = dragged;
        const position = placeAt(box, event.clientY).position;
        unmark();
        const route = held.plan.routes.find(function (one) { return one.team === team.id; });
        if (route.stops[position] && route.stops[position].site === site) { return; }
        move(site, team.id, position);
      });
    }

    // -- rows --------------------------------------------------------------------------------

    function leg(route, index) {
      const one = route.legs[index];
      if (!one || (one.metres !== null && one.metres < 1 && one.seconds < 1)) { return null; }
      const row = make("li", "zb-leg");
      row.appendChild(one.metres === null ? make("span", "zb-late", say("no_way")) : make("span", "", say("leg." + held.modes[route.team], { time: span(one.seconds), way: zhoubian.routeLength(one.metres) })));
      return row;
    }

    function stopRow(route, team, stop) {
      const site = held.sites[stop.site];
      const item = make("li", "zb-stop" + (stop.late_s > 0 ? " zb-stop--late" : ""));
      item.dataset.site = site.id;
      draggable(item, site);
      const head = make("div", "zb-stop-head");
      const row = button("", "zb-row", "select", function () { view.select(site.id); });
      row.setAttribute("aria-expanded", String(selected === site.id));
      head.appendChild(make("span", "zb-stop-number", String(stop.number))); /* not all browsers drag by a button */
      row.appendChild(zhoubian.kindKey(site.kind));
      const words = make("span", "zb-row-name", zhoubian.siteName(site));
      if (site.required) { words.appendChild(make("small", "", say("required"))); }
      if (stop.wait_s >= 60) { words.appendChild(make("small", "", say("waits", { time: span(stop.wait_s) }))); }
      if (stop.late_s > 0) { words.appendChild(make("small", "zb-late", say("late_by", { time: span(Math.max(stop.late_s, 60)) }))); }
      row.appendChild(words);
      row.appendChild(make("time", "zb-stop-time", clock(stop.begin_s) + "–" + clock(stop.leave_s)));
      row.addEventListener("mouseenter", function () { view.over(site.id); });
      row.addEventListener("mouseleave", function () { view.over(null); });
      row.addEventListener("keydown", function (event) {
        if (!event.altKey || view.busy()) { return; }
        if (event.key === "ArrowUp" && stop.number > 1) { event.preventDefault(); move(site.id, route.team, stop.number - 2); }
        if (event.key === "ArrowDown" && stop.number < route.stops.length) { event.preventDefault(); move(site.id, route.team, stop.number); }
      });
      head.appendChild(row);
      const lock = button("", "zb-lock", "lock", function () { view.act("lock", { site: site.id, locked: !stop.locked }); });
      lock.setAttribute("aria-pressed", String(stop.locked));
      lock.setAttribute("aria-label", lock.title = say(stop.locked ? "unlock_stop" : "lock_stop"));
      head.appendChild(lock);
      item.appendChild(head);
      if (selected === site.id) { item.appendChild(openStop(route, team, stop, site)); }
      return item;
    }

    function openStop(route, team, stop, site) {
      const box = make("div", "zb-stop-more");
      const tools = make("div", "zb-stop-tools");
      const earlier = button(say("earlier"), "", "earlier", function () { move(site.id, route.team, stop.number - 2); });
      earlier.disabled = stop.number === 1;
      const later = button(say("later"), "", "later", function () { move(site.id, route.team, stop.number); });
      later.disabled = stop.number === route.stops.length;
      tools.appendChild(earlier);
      tools.appendChild(later);
      tools.appendChild(teamSelect(site, route.team));
      tools.appendChild(button(say("remove"), "", "remove", function () {
        if (window.confirm(say("remove_sure", { name: zhoubian.siteName(site) }))) { view.act("remove", { site: site.id }); }
      }));
      box.appendChild(tools);
      box.appendChild(zhoubian.stopFacts(site, stop));
      box.appendChild(zhoubian.stopLinks(held.links[site.id] || []));
      return box;
    }

    function endRow(look, at, words) {
      const row = make("li", "zb-end " + look);
      row.appendChild(make("span", "zb-end-mark"));
      row.appendChild(make("span", "zb-row-name", words));
      row.appendChild(make("time", "zb-stop-time", clock(at)));
      return row;
    }

    function changed(team, route) {
      const was = before[team.id];
      if (was === undefined || Math.abs(route.work_s - was) < 30) { return null; }
      const more = route.work_s > was;
      return make("span", "zb-change", (more ? "+" : "−") + span(Math.abs(route.work_s - was)));
    }

    function teamCard(team, index) {
      const route = held.plan.routes[index];
      const colour = held.colours[index];
      const card = make("section", "zb-team");
      card.dataset.team = team.id;
      card.style.setProperty("--team", colour);
      card.style.setProperty("--team-ink", zhoubian.inkOn(colour));
      const head = make("header", "zb-team-head");
      const name = button("", "zb-team-name", "focus", function () { view.focus(team.id); });
      name.appendChild(make("b", "", zhoubian.teamName(team)));
      name.appendChild(make("span", "", say("mode." + team.mode)));
      name.title = say("team_focus");
      head.appendChild(name);
      const lock = button("", "zb-lock", "lock_team", function () { view.act("lock", { team: team.id, locked: !route.locked }); });
      lock.setAttribute("aria-pressed", String(route.locked));
      lock.setAttribute("aria-label", lock.title = say(route.locked ? "unlock_team" : "lock_team"));
      head.appendChild(lock);
      const sheet = make("a", "zb-sheet", say("sheet"));
      sheet.href = held.sheets[index];
      sheet.target = "_blank";
      head.appendChild(sheet);
      const ill = button(say("drop_team"), "zb-ill", "drop_team", function () {
        if (window.confirm(say("drop_team_sure", { name: zhoubian.teamName(team), n: route.stops.length }))) { view.act("drop_team", { team: team.id }); }
      });
      ill.disabled = held.plan.teams.length < 2;
      head.appendChild(ill);
      const sums = make("p", "zb-team-sums");
      if (route.stops.length) {
        sums.appendChild(make("span", "", clock(route.depart_s) + "–" + clock(route.back_s)));
        sums.appendChild(make("b", "", say("work", { time: span(route.work_s) })));
        const delta = changed(team, route);
        if (delta) { sums.appendChild(delta); }
        sums.appendChild(make("span", "", say("stops", { n: route.stops.length })));
        sums.appendChild(make("span", "", say("travel", { time: span(route.travel_s), way: zhoubian.routeLength(route.metres) })));
        sums.appendChild(make("span", "", say("issues", { share: zhoubian.routeShare(route.stops.reduce(function (sum, stop) { return sum + held.sites[stop.site].priority; }, 0)) })));
        if (route.over_s > 0) { sums.appendChild(make("span", "zb-late", say("over", { time: span(Math.max(route.over_s, 60)) }))); }
      } else {
        sums.appendChild(make("span", "", say("no_stops")));
      }
      head.appendChild(sums);
      card.appendChild(head);
      const list = make("ol", "zb-stops");
      receives(card, team);
      const open = route.legs.length && route.legs[0].from !== "start" ? 1 : 0;
      if (route.stops.length) {
        if (team.start) { list.appendChild(endRow("zb-end--start", route.depart_s, say("depart", { name: team.start_name || "" }))); }
        route.stops.forEach(function (stop, i) {
          const way = leg(route, i - open);
          if (way) { list.appendChild(way); }
          list.appendChild(stopRow(route, team, stop));
        });
        const way = leg(route, route.stops.length - open);
        if (way) { list.appendChild(way); }
        if (team.end) { list.appendChild(endRow("zb-end--end", route.back_s, say("back"))); }
      }
      card.appendChild(list);
      return card;
    }

    function droppedRows() {
      droppedBox.textContent = "";
      droppedBox.hidden = !held.plan.dropped.length;
      if (droppedBox.hidden) { return; }
      droppedBox.appendChild(make("h2", "", say("dropped", { n: held.plan.dropped.length })));
      const list = make("ul", "");
      held.plan.dropped.slice(0, missed).forEach(function (one) {
        const site = held.sites[one.site];
        const item = make("li", "zb-missed");
        item.dataset.site = site.id;
        draggable(item, site);
        const row = button("", "zb-row", "select", function () { view.select(site.id); });
        row.appendChild(zhoubian.kindKey(site.kind));
        const words = make("span", "zb-row-name", zhoubian.siteName(site));
        if (site.required) { words.appendChild(make("small", "zb-late", say("required"))); }
        words.appendChild(make("small", "", held.reasons[site.id]));
        row.appendChild(words);
        row.addEventListener("mouseenter", function () { view.over(site.id); });
        row.addEventListener("mouseleave", function () { view.over(null); });
        item.appendChild(row);
        if (selected === site.id) {
          const box = make("div", "zb-stop-more");
          const tools = make("div", "zb-stop-tools");
          tools.appendChild(teamSelect(site, null));
          tools.appendChild(button(say("remove"), "", "remove", function () {
            if (window.confirm(say("remove_sure", { name: zhoubian.siteName(site) }))) { view.act("remove", { site: site.id }); }
          }));
          box.appendChild(tools);
          box.appendChild(zhoubian.droppedFacts(site, held.reasons[site.id]));
          item.appendChild(box);
        }
        list.appendChild(item);
      });
      droppedBox.appendChild(list);
      const more = held.plan.dropped.length - missed;
      if (more > 0) { droppedBox.appendChild(button(say("more", { n: more }), "zb-more", "more", function () { missed = Infinity; droppedRows(); mark(); })); }
    }

    /* The control that had the keyboard has it again. */
    function where() {
      const one = document.activeElement;
      if (!one || !one.dataset.act) { return null; }
      const item = one.closest("[data-site]");
      const card = one.closest("[data-team]");
      return { act: one.dataset.act, site: item && item.dataset.site, team: card && card.dataset.team };
    }

    function refocus(was) {
      if (!was) { return; }
      const box = was.site ? rowOf(was.site) : Array.from(teamsBox.children).find(function (card) { return card.dataset.team === was.team; });
      if (!box) { return; }
      const same = box.querySelector('[data-act="' + was.act + '"]');
      const one = same && !same.disabled ? same : box.querySelector("[data-act]");
      if (one) { one.focus({ preventScroll: true }); }
    }

    function rowOf(site) {
      return Array.from(document.querySelectorAll(".zb-stop, .zb-missed")).find(function (item) { return item.dataset.site === site; });
    }

    function draw() {
      const was = where();
      const shown = document.createDocumentFragment();
      held.plan.teams.forEach(function (team, i) { shown.appendChild(teamCard(team, i)); });
      teamsBox.textContent = "";
      teamsBox.appendChild(shown);
      droppedRows();
      mark();
      refocus(was);
    }

    function mark() {
      document.querySelectorAll(".zb-stop, .zb-missed").forEach(function (item) { item.classList.toggle("zb-on", item.dataset.site === selected); });
    }

    return {
      /* `edited`: the change of each team's working time is shown. */
      show: function (answer, edited) {
        const fresh = !held || held.plan.name !== answer.plan.name;
        before = {};
        if (edited && !fresh) { held.plan.routes.forEach(function (route) { before[route.team] = route.work_s; }); }
        held = answer;
        if (fresh) { missed = MISSED; }
        if (selected && !held.sites[selected]) { selected = null; }
        draw();
      },
      select: function (site, scroll) {
        selected = site;
        if (held.plan.dropped.slice(missed).some(function (one) { return one.site === site; })) { missed = Infinity; }
        draw();
        const row = site && rowOf(site);
        if (row && scroll) { row.scrollIntoView({ block: "nearest" }); }
      },
      focus: function (team) {
        Array.from(teamsBox.children).forEach(function (card) { card.classList.toggle("zb-team--faint", team !== null && card.dataset.team !== team); });
      },
      over: function (site) {
        document.querySelectorAll(".zb-over").forEach(function (item) { item.classList.remove("zb-over"); });
        const row = site && rowOf(site);
        if (row) { row.classList.add("zb-over"); }
      },
    };
  };
})();

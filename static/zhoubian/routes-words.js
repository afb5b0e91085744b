/* How the routes page says times, distances and names, and what it shows of a stop. Every value of the data
   goes through textContent. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const say = zhoubian.speaker("routes.");
  const two = function (value) { return value < 10 ? "0" + value : String(value); };

  zhoubian.routeSay = say;

  /* Seconds of the day as 08:05, cut to the minute as on every sheet. */
  zhoubian.routeClock = function (seconds) {
    const minutes = Math.floor(seconds / 60);
    return two(Math.floor(minutes / 60)) + ":" + two(minutes % 60);
  };

  zhoubian.routeSpan = function (seconds) {
    const minutes = Math.round(seconds / 60);
    if (minutes < 60) { return say("minutes", { n: minutes }); }
    return say("hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
  };

  zhoubian.routeLength = function (metres) {
    return metres < 1000 ? zhoubian.text("metres", { n: Math.round(metres) }) : zhoubian.text("kilometres", { n: (metres / 1000).toFixed(1) });
  };

  /* A part of all expected issues of the plan that is shown, in percent. */
  zhoubian.routeShare = function (part) {
    const share = zhoubian.routeAll > 0 ? (100 * part) / zhoubian.routeAll : 0;
    return say("share", { n: share >= 99.95 || share === 0 ? Math.round(share) : share.toFixed(1) });
  };

  zhoubian.siteName = function (site) { return site.name || site.unit; };

  zhoubian.teamName = function (team) { return team.name && team.name !== team.id ? team.name : say("team", { id: team.id }); };

  /* The key of a kind as in the legend of a draw. */
  zhoubian.kindKey = function (kind) {
    const look = kind === "back_alley" ? "back_alleys" : kind === "compound" ? "compounds" : kind;
    return make("span", "zb-key zb-key--" + look, zhoubian.CLASSES[kind] ? zhoubian.text("letter." + kind) : "");
  };

  zhoubian.kindName = function (kind) { return zhoubian.CLASSES[kind] ? zhoubian.text("class." + kind) : say("kind." + kind); };

  function fact(list, label, value, look) {
    list.appendChild(make("dt", "", label));
    list.appendChild(make("dd", look || "", value));
  }

  function windows(site) {
    return site.windows.map(function (one) { return zhoubian.routeClock(one[0]) + "–" + zhoubian.routeClock(one[1]); }).join(zhoubian.text("comma"));
  }

  /* The facts of a stop, for the list and the map. */
  zhoubian.stopFacts = function (site, stop) {
    const list = make("dl", "zb-facts");
    fact(list, say("arrive"), zhoubian.routeClock(stop.arrive_s));
    if (stop.wait_s >= 60) { fact(list, say("wait"), zhoubian.routeSpan(stop.wait_s)); }
    fact(list, say("visit"), zhoubian.routeClock(stop.begin_s) + "–" + zhoubian.routeClock(stop.leave_s));
    if (stop.late_s > 0) { fact(list, say("late"), zhoubian.routeSpan(Math.max(stop.late_s, 60)), "zb-late"); } else { fact(list, say("slack"), zhoubian.routeSpan(stop.slack_s)); }
    fact(list, say("windows"), windows(site));
    more(list, site);
    return list;
  };

  zhoubian.droppedFacts = function (site, reason) {
    const list = make("dl", "zb-facts");
    fact(list, say("reason"), reason);
    fact(list, say("windows"), windows(site));
    more(list, site);
    return list;
  };

  function more(list, site) {
    fact(list, say("priority"), site.required ? say("required") : zhoubian.routeShare(site.priority));
    if (site.from !== "draw") { fact(list, say("from"), say("from." + site.from)); }
    if (site.layer !== "anchors" && site.anchors.length) { fact(list, say("anchors"), site.anchors.join(zhoubian.text("comma"))); }
    [["address", site.address], ["district", site.district], ["responsible", site.responsible]].forEach(function (one) {
      if (one[1]) { fact(list, say(one[0]), one[1]); }
    });
    fact(list, zhoubian.text("id"), site.unit);
  }

  /* Links to navigation: they open only when the reader chooses one. */
  zhoubian.stopLinks = function (links) {
    const box = make("p", "zb-links");
    links.forEach(function (one) {
      const link = make("a", "", say("link." + one.kind));
      link.href = one.address;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      box.appendChild(link);
    });
    return box;
  };
})();

/* The figures and lists beside the coverage map, and the symbols of its toilets. Names are set as textContent. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const say = zhoubian.speaker("coverage.");
  const SHOWN = 40;

  const whole = function (metres) { return Math.round(metres).toLocaleString("en-US"); };
  const km = function (metres) { return (metres / 1000).toFixed(1); };
  zhoubian.coverageMetres = whole;
  zhoubian.coverageStreet = function (name) { return name || say("unnamed"); };

  function row(side, words, go, number) {
    const button = make("button", "zb-row");
    button.type = "button";
    if (number !== undefined) { button.appendChild(make("span", "zb-mark", String(number))); }
    button.appendChild(make("span", "zb-row-name", words));
    button.appendChild(make("span", "zb-row-side", side));
    button.addEventListener("click", go);
    const item = make("li");
    item.appendChild(button);
    return item;
  }

  function table(answer) {
    const made = make("table", "zb-by-class");
    const head = make("tr");
    ["", say("street_km"), say("bare_km"), say("share_said")].forEach(function (words) { head.appendChild(make("th", "", words)); });
    made.appendChild(head);
    answer.by_class.forEach(function (one, i) {
      const line = make("tr", one.class === "all" ? "zb-all" : "");
      [answer.classes[one.class], km(one.street_m), km(one.bare_m), answer.shares[i]].forEach(function (words, column) {
        line.appendChild(make("td", column ? "zb-figure" : "", words));
      });
      made.appendChild(line);
    });
    return made;
  }

  /* go.gap(number) and go.place(number) lead to a line of the lists on the map. */
  zhoubian.coverageList = function (into, answer, go) {
    into.textContent = "";
    const share = make("p", "zb-share");
    share.appendChild(make("b", "", answer.share));
    share.appendChild(make("span", "", answer.facts.share === null ? say("nothing_asked") : say("share_said")));
    into.appendChild(share);
    into.appendChild(make("h2", "", say("places")));
    if (answer.places.length) {
      into.appendChild(make("p", "zb-sentence", say("places_order")));
      const list = make("ol", "zb-top");
      answer.places.forEach(function (place, i) {
        list.appendChild(row(say("gain", { m: whole(place.metres) }), zhoubian.coverageStreet(place.street), function () { go.place(i); }, place.rank));
      });
      into.appendChild(list);
    } else {
      into.appendChild(make("p", "zb-sentence", say("places_none")));
    }
    into.appendChild(make("h2", "", answer.gaps.length ? say("gaps", { count: answer.gaps.length }) : say("no_gap")));
    if (answer.gaps.length > SHOWN) { into.appendChild(make("p", "zb-sentence", say("gaps_shown", { shown: SHOWN }))); }
    const gaps = make("ol", "zb-top zb-gaps");
    answer.gaps.slice(0, SHOWN).forEach(function (gap, i) {
      gaps.appendChild(row(say("metres", { m: whole(gap.metres) }), zhoubian.coverageStreet(gap.name) + " · " + answer.classes[gap.class], function () { go.gap(i); }));
    });
    into.appendChild(gaps);
    into.appendChild(make("h2", "", say("by_class")));
    into.appendChild(table(answer));
  };

  zhoubian.coverageWords = function (into, words) {
    into.textContent = "";
    words.forEach(function (pair) {
      const line = make("div");
      line.appendChild(make("dt", "", pair[0]));
      line.appendChild(make("dd", "", pair[1]));
      into.appendChild(line);
    });
  };

  /* A toilet: a filled disc (public), a square with a white middle (opened by an office), a cross in a circle (not counted). */
  zhoubian.Toilet = L.CircleMarker.extend({
    _updatePath: function () {
      const renderer = this._renderer;
      if (!renderer._drawing || this._empty()) { return; }
      const ctx = renderer._ctx;
      const at = this._point;
      const r = Math.max(this._radius, 2);
      const kind = this.options.toilet;
      ctx.save();
      ctx.setLineDash([]); /* that of the last street is still on */
      ctx.beginPath();
      if (kind === "office") { ctx.rect(at.x - r, at.y - r, 2 * r, 2 * r); } else { ctx.arc(at.x, at.y, r, 0, 2 * Math.PI); }
      ctx.fillStyle = kind === "out" ? "#ffffff" : "#0b5c8a";
      ctx.fill();
      ctx.lineWidth = kind === "out" ? 1.2 : 1.5;
      ctx.strokeStyle = kind === "out" ? "#6b6459" : "#ffffff";
      ctx.stroke();
      if (kind === "out" && r > 2.5) {
        const d = r * 0.6;
        ctx.beginPath();
        ctx.moveTo(at.x - d, at.y - d);
        ctx.lineTo(at.x + d, at.y + d);
        ctx.moveTo(at.x + d, at.y - d);
        ctx.lineTo(at.x - d, at.y + d);
        ctx.stroke();
      } else if (kind === "office" && r > 3) {
        ctx.fillStyle = "#ffffff";
        ctx.fillRect(at.x - r * 0.4, at.y - r * 0.4, r * 0.8, r * 0.8);
      }
      ctx.restore();
    },
  });
})();

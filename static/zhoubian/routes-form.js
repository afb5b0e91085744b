/* A new plan: the form, and where the teams start. The address may name the draw (?draw=). */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const say = zhoubian.routeSay;

  /* made(answer): a plan was made. fault(error): it was not. */
  zhoubian.RouteForm = function (map, source, group, symbolGroup, made, fault) {
    const form = document.getElementById("zb-settings");
    const fields = form.elements;
    const said = document.getElementById("zb-start-said");
    const amountSaid = document.getElementById("zb-draw-said");
    const anchorBox = document.getElementById("zb-start-anchor");
    let anchors = [];
    let point = null;
    let mark = null;
    let asked = "";
    if (!fields.draw) { return { shown: function () {} }; }

    const wanted = new URLSearchParams(window.location.search).get("draw");
    if (wanted && Array.prototype.some.call(fields.draw.options, function (one) { return one.value === wanted; })) { fields.draw.value = wanted; }

    function start() { return form.querySelector("[name=start]:checked").value; }

    function chosen() {
      if (start() === "anchor") {
        const one = anchors.find(function (anchor) { return anchor.id === fields.anchor.value; });
        return one ? one.lonlat : null;
      }
      return start() === "map" ? point : null;
    }

    function show() {
      const how = start();
      anchorBox.hidden = how !== "anchor";
      document.getElementById("zb-open-end").hidden = how === "none";
      document.body.classList.toggle("zb-picking", how === "map" && !form.closest("[hidden]"));
      said.classList.remove("zb-late");
      said.textContent = how === "none" ? say("start_none") : how === "map" ? (point ? say("start_point", { lon: point[0].toFixed(5), lat: point[1].toFixed(5) }) : say("start_click")) : "";
      const at = chosen();
      if (mark) { group.removeLayer(mark); mark = null; }
      if (at) { mark = new zhoubian.RouteEnd([at[1], at[0]], { letter: say("letter.start"), radius: 10, opacity: 1, interactive: false }).addTo(group); }
    }

    /* The drawn anchors: a click on one makes it the start. */
    function symbols() {
      symbolGroup.clearLayers();
      if (form.closest("[hidden]")) { return; }
      anchors.forEach(function (anchor) {
        const symbol = new zhoubian.Symbol([anchor.lonlat[1], anchor.lonlat[0]], { anchorClass: anchor["class"], radius: 11, opacity: 1, letter: zhoubian.text("letter." + anchor["class"]) });
        symbol.bindTooltip(make("span", "", anchor.name || anchor.id));
        symbol.on("click", function (event) {
          L.DomEvent.stopPropagation(event);
          form.querySelector("[name=start][value=anchor]").checked = true;
          fields.anchor.value = anchor.id;
          show();
        });
        symbolGroup.addLayer(symbol);
      });
    }

    function offer() {
      const draw = fields.draw.value;
      if (asked === draw) { return; }
      asked = draw;
      amountSaid.textContent = "";
      zhoubian.get(source.starts + encodeURIComponent(draw)).then(function (found) {
        if (asked !== draw) { return; }
        anchors = found.anchors;
        symbols();
        fields.anchor.textContent = "";
        anchors.forEach(function (anchor) {
          const one = make("option", "", (anchor.name || anchor.id) + " · " + zhoubian.text("class." + anchor["class"]));
          one.value = anchor.id;
          fields.anchor.appendChild(one);
        });
        if (anchors.length) {
          map.fitBounds(anchors.map(function (anchor) { return [anchor.lonlat[1], anchor.lonlat[0]]; }), { animate: false, padding: [60, 60], maxZoom: 15 });
        }
        show();
        return zhoubian.get(source.amount + encodeURIComponent(draw)).then(function (amount) {
          if (asked === draw) { amountSaid.textContent = say("to_visit", { n: amount.sites, time: zhoubian.routeSpan(amount.service_s) }); }
        });
      }).catch(function (problem) { fault(problem); });
    }

    map.on("click", function (event) {
      if (start() !== "map" || form.closest("[hidden]")) { return; }
      point = [Math.round(event.latlng.lng * 1e6) / 1e6, Math.round(event.latlng.lat * 1e6) / 1e6];
      show();
    });

    function told() {
      const how = start();
      const value = {
        draw: fields.draw.value,
        teams: Number(fields.teams.value),
        shift: fields.from.value + "-" + fields.until.value,
        mode: form.querySelector("[name=mode]:checked").value,
        seconds: Number(fields.seconds.value),
      };
      if (how === "anchor") { value.start_anchor = fields.anchor.value; }
      if (how === "map") { value.start = point.join(","); }
      if (how !== "none" && fields.open.checked) { value.end = "open"; }
      if (fields.work.value) { value.max_work = fields.work.value; }
      if (fields.date.value) { value.date = fields.date.value; }
      ["must", "lookback"].forEach(function (name) {
        const ids = fields[name].value.split(/[,，、;；\s]+/).filter(Boolean);
        if (ids.length) { value[name] = ids; }
      });
      return value;
    }

    form.addEventListener("change", show);
    fields.draw.addEventListener("change", offer);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (start() !== "none" && !chosen()) { said.textContent = say(start() === "map" ? "start_click" : "start_choose"); said.classList.add("zb-late"); return; }
      said.classList.remove("zb-late");
      const button = form.querySelector(".zb-go");
      const words = button.textContent;
      const ready = function () { button.disabled = false; button.textContent = words; };
      button.disabled = true;
      button.textContent = say("making");
      fault(null);
      zhoubian.post(source.api, told()).then(function (answer) { ready(); made(answer); })
        .catch(function (problem) { ready(); fault(problem); });
    });
    show();
    return {
      shown: function (on) {
        if (on) { offer(); }
        show();
        if (on) { return; }
        symbolGroup.clearLayers();
        if (mark) { group.removeLayer(mark); mark = null; }
      },
    };
  };
})();

/* The area of the filter: drawn corner by corner or taken from what the map shows, and shown while it holds. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const say = zhoubian.speaker("hotspots.");
  const LOOK = { pane: "zb-buffers", color: "#b3261e", weight: 2, dashArray: "6 4", fill: false, interactive: false };
  const DOUBLE_PX = 6; /* two clicks of a double click are one corner */

  function written(corners) {
    return corners.map(function (one) { return one.lng.toFixed(6) + "," + one.lat.toFixed(6); }).join(";");
  }

  function corners(said) {
    return said.split(";").map(function (pair) {
      const lonlat = pair.split(",").map(Number);
      return L.latLng(lonlat[1], lonlat[0]);
    });
  }

  zhoubian.HotspotArea = function (map, renderer, settings) {
    const state = settings.state;
    const look = Object.assign({ renderer: renderer }, LOOK);
    const button = document.getElementById("zb-area");
    const idle = button.textContent;
    let held = null; /* the outline of the filter */
    let drawn = null; /* corners while drawing */
    let line = null;

    function stop() {
      if (line) { map.removeLayer(line); }
      drawn = line = null;
      button.textContent = idle;
      button.setAttribute("aria-pressed", "false");
      map.getContainer().classList.remove("zb-drawing");
      window.setTimeout(function () { if (!drawn) { map.doubleClickZoom.enable(); } }, 0);
    }

    function begin() {
      drawn = [];
      line = L.polyline([], look).addTo(map);
      button.textContent = say("area_drawing");
      button.setAttribute("aria-pressed", "true");
      map.getContainer().classList.add("zb-drawing");
      map.doubleClickZoom.disable();
    }

    function add(place) {
      const last = drawn[drawn.length - 1];
      const near = last && map.latLngToContainerPoint(last).distanceTo(map.latLngToContainerPoint(place)) < DOUBLE_PX;
      if (!near) { drawn.push(place); }
      line.setLatLngs(drawn);
    }

    button.addEventListener("click", function () { if (drawn) { stop(); } else { begin(); } });
    map.on("click", function (event) { if (drawn) { add(event.latlng); } });
    map.on("mousemove", function (event) { if (drawn && drawn.length) { line.setLatLngs(drawn.concat([event.latlng])); } });
    map.on("dblclick", function (event) {
      if (!drawn) { return; }
      add(event.latlng);
      const area = written(drawn);
      stop();
      settings.set("within", area); /* an area that is none is answered by one sentence */
    });
    document.addEventListener("keydown", function (event) { if (drawn && event.key === "Escape") { stop(); } });
    document.getElementById("zb-within").addEventListener("click", function () {
      const b = map.getBounds();
      settings.set("within", state.within ? "" : written([b.getSouthWest(), b.getSouthEast(), b.getNorthEast(), b.getNorthWest()]));
    });

    /* Shows the area that the filter holds; nothing if it holds none. */
    return function () {
      if (held) { map.removeLayer(held); }
      held = state.within ? L.polygon(corners(state.within), look).addTo(map) : null;
    };
  };
})();

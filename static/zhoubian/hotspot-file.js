/* A hotspot map in one file: the picture, the outlines and the numbered places. Folium's script makes the
   map and its groups and then calls `zhoubian.hotspotFile`. Names stand in the page, none is drawn here. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const LINES = {
    roads: { group: "hotspot_roads", color: "#cfc8ba", weight: 1.5, pane: "zb-roads" },
    areas: { group: "hotspot_areas", color: "#7d8b95", weight: 1 },
    ground: { group: "hotspot_areas", color: "#37434d", weight: 2 },
  };

  zhoubian.hotspotFile = function (map, groups) {
    const source = JSON.parse(document.getElementById("zb-source").textContent);
    zhoubian.texts = source.texts;
    const b = source.bounds;
    const bounds = [[b[1], b[0]], [b[3], b[2]]];
    groups.hotspot_picture.addLayer(L.imageOverlay(source.picture, bounds));
    const under = zhoubian.panes(map).roads;
    Object.keys(LINES).forEach(function (name) {
      const look = LINES[name];
      const options = { color: look.color, weight: look.weight, interactive: false };
      if (look.pane) { Object.assign(options, { pane: look.pane, renderer: under }); }
      source.lines[name].forEach(function (line) {
        const places = line.map(function (at) { return [at[1], at[0]]; });
        groups[look.group].addLayer(L.polyline(places, options));
      });
    });
    const marks = {};
    source.spots.slice().reverse().forEach(function (spot) {
      const icon = L.divIcon({ className: "zb-hot-mark", html: String(Number(spot.rank)), iconSize: [22, 22] });
      marks[spot.rank] = L.marker([spot.xy[1], spot.xy[0]], { icon: icon, keyboard: false, zIndexOffset: -spot.rank });
      groups.hotspot_top.addLayer(marks[spot.rank]);
    });
    document.querySelectorAll("[data-rank]").forEach(function (button) {
      button.addEventListener("click", function () {
        map.setView(marks[button.dataset.rank].getLatLng(), Math.max(map.getZoom(), 15));
      });
    });
    zhoubian.open(map, b);
    zhoubian.corners(map, source.attribution);
    zhoubian.printable(map);
  };
})();

/* Where the rows of a file lie, under one datum at a time, over the roads of the store. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const POINT = { radius: 3.5, weight: 1, color: "#ffffff", fillColor: "#c2183c", fillOpacity: 0.9, opacity: 0.9, interactive: false };

  const CELL_DEG = 0.01;
  const STREETS_ZOOM = 15;

  zhoubian.Preview = function (element) {
    const map = L.map(element, { zoomSnap: 0.5, maxZoom: 19, preferCanvas: true, attributionControl: true, scrollWheelZoom: false });
    map.attributionControl.setPrefix(false);
    L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
    map.createPane("zb-roads");
    map.createPane("zb-labels");
    map.setView([35, 105], 4, { animate: false });
    const roadPane = L.canvas({ pane: "zb-roads", padding: 0.3 });
    const points = L.layerGroup().addTo(map);
    let roads = null;
    let labels = null;
    let credit = "";
    let drawn = "";

    function showRoads(found) {
      const told = JSON.stringify([found.roads.length, found.roads[0] || null, found.file]);
      if (told === drawn) { return; }
      drawn = told;
      if (roads) { roads.remove(); labels.remove(); map.attributionControl.removeAttribution(credit); }
      roads = L.layerGroup().addTo(map);
      zhoubian.drawRoads(map, roads, found.roads, roadPane);
      labels = new zhoubian.Labels([], zhoubian.streets(found.roads, roads)).addTo(map);
      const words = document.createElement("span");
      words.textContent = found.attribution;
      credit = words.innerHTML;
      if (credit) { map.attributionControl.addAttribution(credit); }
    }

    /* Where most of the points lie close together: near enough to see streets, which a whole city does not show. */
    function densest(lonlat) {
      const cells = Object.create(null);
      let best = null;
      lonlat.forEach(function (place) {
        const key = Math.round(place[0] / CELL_DEG) + "/" + Math.round(place[1] / CELL_DEG);
        const cell = (cells[key] = cells[key] || { count: 0, lon: 0, lat: 0 });
        cell.count += 1;
        cell.lon += place[0];
        cell.lat += place[1];
        if (!best || cell.count > best.count) { best = cell; }
      });
      return [best.lat / best.count, best.lon / best.count];
    }

    return {
      map: map,
      /* found: an answer of the look; lonlat: the places of the chosen datum; move: go there. */
      show: function (found, lonlat, move) {
        map.invalidateSize({ animate: false, pan: false });
        if (move && lonlat.length) { map.setView(densest(lonlat), STREETS_ZOOM, { animate: false }); }
        showRoads(found);
        points.clearLayers();
        lonlat.forEach(function (place) { L.circleMarker([place[1], place[0]], POINT).addTo(points); });
        element.dataset.points = String(lonlat.length);
        element.dataset.first = lonlat.length ? lonlat[0].join(",") : "";
      },
    };
  };
})();

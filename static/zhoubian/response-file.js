/* The map of response times in one file. Folium's script makes the map and its groups and then calls
   `zhoubian.responseFile`. In time is a ring, late a full disc, undecided a small dot: a grey print tells them apart. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const say = zhoubian.speaker("response.");
  const LOOKS = {
    yes: { color: "#2f8f6b", weight: 2.2, fillColor: "#ffffff", fillOpacity: 0.9, size: 1 },
    no: { color: "#ffffff", weight: 1, fillColor: "#b3261e", fillOpacity: 0.95, size: 1.25 },
    undecided: { color: "#5b6770", weight: 1, fillColor: "#aab3ba", fillOpacity: 1, size: 0.7 },
  };

  function words(one) {
    const facts = { issue: one.issue, found: one.found, street: one.street, minutes: one.minutes === null ? "" : one.minutes };
    return say(one.minutes === null ? "open" : "mended", facts);
  }

  zhoubian.responseFile = function (map, groups) {
    const source = JSON.parse(document.getElementById("zb-source").textContent);
    zhoubian.texts = source.texts;
    const renderers = zhoubian.panes(map);
    map.createPane("zb-issues").style.zIndex = 450;
    const canvas = L.canvas({ pane: "zb-issues", padding: 0.3, tolerance: 4 });
    zhoubian.open(map, source.ground.bounds);
    zhoubian.corners(map, source.ground.attribution);
    zhoubian.drawRoads(map, groups.roads, source.ground.roads, renderers.roads);
    map.addLayer(new zhoubian.Labels([], zhoubian.streets(source.ground.roads, groups.roads)));
    zhoubian.printable(map);
    const marks = source.issues.map(function (one) {
      const look = LOOKS[one.in_time];
      const mark = L.circleMarker([one.xy[1], one.xy[0]], Object.assign({ pane: "zb-issues", renderer: canvas }, look));
      mark.bindTooltip(function () { return zhoubian.make("span", "", words(one)); });
      groups["response_" + one.in_time].addLayer(mark);
      return mark;
    });
    function fit() {
      const radius = Math.min(Math.max(2.5 + 0.9 * (map.getZoom() - 11), 2.5), 8);
      marks.forEach(function (mark) { mark.setRadius(radius * mark.options.size); });
    }
    map.on("zoomend", fit);
    fit();
    document.body.dataset.ready = "yes";
  };
})();

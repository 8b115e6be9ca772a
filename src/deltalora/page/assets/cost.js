// Quality against cost: one experiment, scale and data source at a time, so that no two scales share an axis.
(function () {
  "use strict";
  var draw = window.deltaloraDraw;
  var data = window.deltaloraRuns;
  var key = {};
  data.keys.forEach(function (name, at) { key[name] = at; });
  var figure = document.getElementById("cost-plot");
  var controls = document.getElementById("cost-controls");
  var canvas = figure.querySelector(".canvas");
  var details = figure.querySelector(".numbers");
  var select = {};
  controls.querySelectorAll("select").forEach(function (one) { select[one.name] = one; });
  var UNITS = {wall: 1, memory: 1 / 1048576, trainable: 1};
  var groups = {};
  var filtered = new URLSearchParams();
  var visible = false;

  data.rows.forEach(function (row) {
    if (row[key.status] !== "finished") return;
    var name = row[key.experiment] + ", " + row[key.scale] + " scale, " + row[key.source] + " data";
    (groups[name] = groups[name] || []).push(row);
  });

  function options(box, names) {
    var before = box.value;
    box.replaceChildren.apply(box, names.map(function (name) { return new Option(name, name); }));
    if (names.indexOf(before) >= 0) box.value = before;
  }
  function offerGroups() {
    var scale = filtered.get("scale");
    options(select.group, Object.keys(groups).filter(function (name) {
      return !scale || groups[name][0][key.scale] === scale;
    }));
    offerMetrics();
  }
  function offerMetrics() {
    var names = [];
    (groups[select.group.value] || []).forEach(function (row) {
      Object.keys(row[key.scores]).forEach(function (name) { if (names.indexOf(name) < 0) names.push(name); });
    });
    options(select.metric, names.concat(["validation loss"]));
  }
  function value(row) {
    return select.metric.value === "validation loss" ? row[key.loss] : row[key.scores][select.metric.value];
  }
  function mean(values) { return values.reduce(function (sum, one) { return sum + one; }, 0) / values.length; }
  function points() {
    var cost = select.cost.value;
    var byRow = {};
    (groups[select.group.value] || []).forEach(function (row) {
      if (filtered.get("method") && row[key.row] !== filtered.get("method")) return;
      var y = value(row), x = row[key[cost]];
      if (y === undefined || y === null || x === null) return;
      (byRow[row[key.row]] = byRow[row[key.row]] || []).push({x: x * UNITS[cost], y: y, id: row[key.id],
        seed: "seed " + row[key.seed], config: row[key.config]});
    });
    if (select.point.value === "config") {
      // Seeds of one configuration, and no more: a row may hold several, as every lambda of Table 8 is one.
      Object.keys(byRow).forEach(function (row) {
        var configs = {};
        byRow[row].forEach(function (p) { (configs[p.config] = configs[p.config] || []).push(p); });
        byRow[row] = Object.keys(configs).map(function (config) {
          var of = configs[config];
          return {x: mean(of.map(function (p) { return p.x; })), y: mean(of.map(function (p) { return p.y; })),
            id: "configuration " + config, seed: of.length + (of.length === 1 ? " seed" : " seeds")};
        });
      });
    }
    return byRow;
  }
  function render() {
    var byRow = points();
    if (details.open) {
      var lines = [];
      Object.keys(byRow).forEach(function (row) {
        byRow[row].forEach(function (p) { lines.push([row, p.id + ", " + p.seed, Number(p.x.toPrecision(6)), p.y]); });
      });
      var header = ["Row", "Run", select.cost.selectedOptions[0].text, select.metric.value];
      details.querySelector(".scroll").replaceChildren(draw.numbersTable(select.group.value, header, lines));
    }
    if (!visible || !canvas.clientWidth) return Promise.resolve();
    return draw.plotly().then(function () {
      var colours = draw.palette();
      var width = canvas.clientWidth;
      var rows = Object.keys(byRow);
      var legendRows = Math.ceil(rows.length / Math.max(1, Math.floor(width / 190)));
      var shape = draw.layout(width, 380 + legendRows * 20, colours, true);
      shape.margin.b = 54 + legendRows * 20;
      shape.xaxis = draw.axis(select.cost.selectedOptions[0].text, [0, 1], "y", colours);
      shape.yaxis = draw.axis(draw.escaped(select.metric.value), [0, 1], "x", colours);
      if (select.cost.value === "trainable") { shape.xaxis.type = "log"; shape.xaxis.title.text += ", logarithmic"; }
      var traces = rows.map(function (row) {
        var style = window.deltaloraSeries.of(row);
        return {x: byRow[row].map(function (p) { return p.x; }), y: byRow[row].map(function (p) { return p.y; }),
          customdata: byRow[row].map(function (p) { return [p.id, p.seed]; }), mode: "markers", name: draw.escaped(row),
          marker: {symbol: style.marker, color: style.colour, size: 9, line: {color: style.colour, width: 1.2}},
          hovertemplate: "%{y} at %{x}<br>%{customdata[0]}, %{customdata[1]}<extra>" + draw.escaped(row) + "</extra>"};
      });
      return window.Plotly.react(canvas, traces, shape, {displayModeBar: false, doubleClick: false});
    }).then(function () { figure.dataset.state = "drawn"; draw.addDownload(figure); });
  }

  controls.hidden = false;
  select.group.addEventListener("change", offerMetrics);
  controls.addEventListener("change", render);
  details.addEventListener("toggle", render);
  window.deltaloraFilters.listen(function (state) { filtered = state; offerGroups(); render(); });
  document.addEventListener("deltalora-theme", render);
  draw.register(figure, function () { if (visible) render(); });
  new IntersectionObserver(function (entries, observer) {
    if (entries.some(function (entry) { return entry.isIntersecting; })) {
      observer.disconnect();
      visible = true;
      render();
    }
  }, {rootMargin: "600px"}).observe(figure);
})();

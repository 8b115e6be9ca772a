// Draws the figures of class "plot". Their data stands in the page, or in a script that is loaded when one is near.
(function () {
  "use strict";
  var root = document.body.dataset.root;
  var NARROW = 640;
  var library = null;
  var drawnFigures = [];

  function script(source) {
    return new Promise(function (resolve, reject) {
      var element = document.createElement("script");
      element.src = source;
      element.onload = resolve;
      element.onerror = function () { reject(new Error(source + " cannot be read")); };
      document.head.appendChild(element);
    });
  }
  function plotly() {
    library = library || script(root + "assets/plotly.min.js");
    return library;
  }
  function faded(colour) {
    var parts = /^#(..)(..)(..)$/.exec(colour);
    if (!parts) return colour;
    return "rgba(" + parts.slice(1).map(function (one) { return parseInt(one, 16); }).join(",") + ",0.16)";
  }
  function axis(title, domain, anchor, colours) {
    return {title: {text: title, standoff: 6, font: {size: 12}}, domain: domain, anchor: anchor, color: colours.ink,
      gridcolor: colours.rule, linecolor: colours.rule, zeroline: false, ticks: "outside", tickcolor: colours.rule,
      automargin: true, fixedrange: true};
  }
  function palette() {
    var series = window.deltaloraSeries;
    return {ink: series.colour("--ink"), rule: series.colour("--rule"), paper: series.colour("--page")};
  }
  function escaped(text) {
    return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }
  function layout(width, height, colours, legend) {
    return {width: width, height: height, margin: {l: 56, r: 12, t: 28, b: 44}, paper_bgcolor: colours.paper,
      plot_bgcolor: colours.paper, font: {family: window.deltaloraSeries.colour("--plain"), size: 12, color: colours.ink},
      showlegend: legend, hovermode: "closest", dragmode: false, annotations: [],
      hoverlabel: {bgcolor: colours.paper, bordercolor: colours.rule, font: {color: colours.ink}},
      legend: {orientation: "h", x: 0, xanchor: "left", y: 0, yref: "container", yanchor: "bottom", font: {size: 12}}};
  }
  function panelTraces(panel, number, seen, whole) {
    var traces = [];
    var suffix = number ? String(number + 1) : "";
    panel.lines.forEach(function (line) {
      var style = window.deltaloraSeries.of(line.row);
      var name = escaped(line.name);
      if (line.low) {
        traces.push({x: line.x.concat(line.x.slice().reverse()), y: line.high.concat(line.low.slice().reverse()),
          xaxis: "x" + suffix, yaxis: "y" + suffix, mode: "lines", fill: "toself", fillcolor: faded(style.colour),
          line: {width: 0}, hoverinfo: "skip", showlegend: false, legendgroup: name});
      }
      traces.push({x: line.x, y: line.y, xaxis: "x" + suffix, yaxis: "y" + suffix, name: name, legendgroup: name,
        mode: line.x.length > 40 ? "lines" : "lines+markers", showlegend: !seen[name],
        line: {color: style.colour, dash: style.dash, width: style.width},
        marker: {symbol: style.marker, size: 7, color: style.colour, line: {color: style.colour, width: 1.2}},
        hovertemplate: "%{x}: %{y}<extra>" + name + "</extra>"});
      seen[name] = true;
    });
    return traces;
  }
  // Ticks at whole numbers only, and at most a dozen: a layer and a half is none.
  function wholeStep(panel) {
    var ends = panel.lines.map(function (line) { return Math.max.apply(null, line.x); });
    return Math.max(1, Math.ceil(Math.max.apply(null, ends) / 12));
  }
  function drawPanels(figure, view) {
    var canvas = figure.querySelector(".canvas");
    var width = canvas.clientWidth;
    var stacked = width < NARROW;
    var count = view.panels.length;
    var colours = palette();
    var names = {};
    view.panels.forEach(function (panel) { panel.lines.forEach(function (line) { names[line.name] = true; }); });
    var several = view.panels.some(function (panel) { return panel.lines.length > 1; });
    var entries = several ? Object.keys(names).length : 0;
    var legendRows = entries > 1 ? Math.ceil(entries / Math.max(1, Math.floor(width / 190))) : 0;
    var each = stacked ? 250 : 300;
    var height = (stacked ? count : 1) * each + legendRows * 20 + 40;
    var shape = layout(width, height, colours, entries > 1);
    shape.margin.b = 48 + legendRows * 20;
    var traces = [];
    var seen = {};
    view.panels.forEach(function (panel, number) {
      var suffix = number ? String(number + 1) : "";
      var gap = stacked ? 0.2 : 0.09;
      var span = (1 - gap * (count - 1)) / count;
      var at = stacked ? count - 1 - number : number;
      var part = [at * (span + gap), at * (span + gap) + span];
      var xDomain = stacked ? [0, 1] : part;
      var yDomain = stacked ? part : [0, 1];
      shape["xaxis" + suffix] = axis(escaped(panel.x), xDomain, "y" + suffix, colours);
      shape["yaxis" + suffix] = axis(escaped(panel.y), yDomain, "x" + suffix, colours);
      if (view.whole_x) shape["xaxis" + suffix].dtick = wholeStep(panel);
      shape.annotations.push({text: escaped(panel.title), x: xDomain[0], xref: "paper", xanchor: "left", y: yDomain[1],
        yref: "paper", yanchor: "bottom", yshift: 4, showarrow: false, font: {size: 13, color: colours.ink}});
      traces = traces.concat(panelTraces(panel, number, seen));
    });
    return window.Plotly.react(canvas, traces, shape, {displayModeBar: false, doubleClick: false});
  }
  function cell(kind, text, className) {
    var made = document.createElement(kind);
    made.textContent = text;
    if (kind === "th") made.scope = className === "row" ? "row" : "col";
    else if (className) made.className = className;
    return made;
  }
  function sixDigits(value) { return String(typeof value === "number" ? Number(value.toPrecision(6)) : value); }
  function numbersTable(caption, header, lines) {
    var table = document.createElement("table");
    var title = document.createElement("caption");
    title.appendChild(document.createElement("span")).textContent = caption;
    table.appendChild(title);
    var head = table.createTHead().insertRow();
    header.forEach(function (name) { head.appendChild(cell("th", name)); });
    var body = table.createTBody();
    lines.forEach(function (line) {
      var row = body.insertRow();
      line.forEach(function (value, at) {
        row.appendChild(at ? cell("td", value === null || value === undefined ? "–" : sixDigits(value), "number")
          : cell("th", value, "row"));
      });
    });
    return table;
  }
  function fillNumbers(figure, view) {
    var box = figure.querySelector(".numbers .scroll");
    box.replaceChildren();
    view.panels.forEach(function (panel) {
      var lines = [];
      panel.lines.forEach(function (line) {
        line.x.forEach(function (x, at) {
          lines.push([line.name, x, line.y[at], line.low ? line.low[at] : null, line.high ? line.high[at] : null]);
        });
      });
      box.appendChild(numbersTable(panel.title, ["Line", panel.x, panel.y, "band from", "band to"], lines));
    });
  }
  function addDownload(figure) {
    var actions = figure.querySelector(".actions");
    if (!actions || actions.querySelector("button")) return;
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = "Save as SVG";
    button.addEventListener("click", function () {
      var canvas = figure.querySelector(".canvas");
      window.Plotly.downloadImage(canvas, {format: "svg", filename: figure.id, width: canvas.clientWidth,
        height: canvas.clientHeight});
    });
    actions.appendChild(document.createTextNode(" "));
    actions.appendChild(button);
  }
  function start(figure, data) {
    var at = 0;
    if (data.views.length > 1) {
      var controls = figure.querySelector(".plot-controls");
      var label = document.createElement("label");
      label.textContent = "Show ";
      var select = document.createElement("select");
      data.views.forEach(function (view, number) { select.add(new Option(view.label, String(number))); });
      select.addEventListener("change", function () { at = Number(select.value); all(); });
      label.appendChild(select);
      controls.appendChild(label);
      controls.hidden = false;
    }
    var details = figure.querySelector(".numbers");
    function numbers() { if (details.open) fillNumbers(figure, data.views[at]); }
    function all() {
      numbers();
      return drawPanels(figure, data.views[at]);
    }
    details.addEventListener("toggle", numbers);
    drawnFigures.push({figure: figure, draw: all});
    addDownload(figure);
    return all();
  }
  function load(figure) {
    if (figure.dataset.state) return;
    figure.dataset.state = "loading";
    var inline = figure.querySelector('script[type="application/json"]');
    var ready = inline ? Promise.resolve() : script(root + figure.dataset.source);
    Promise.all([ready, plotly()]).then(function () {
      var data = inline ? JSON.parse(inline.textContent) : window.deltaloraPlots[figure.id];
      return start(figure, data);
    }).then(function () { figure.dataset.state = "drawn"; }).catch(function (error) {
      figure.dataset.state = "failed";
      figure.querySelector(".canvas").textContent = "The plot cannot be drawn: " + error.message;
    });
  }
  function redraw() {
    drawnFigures.forEach(function (one) { if (one.figure.querySelector(".canvas").clientWidth) one.draw(); });
  }

  window.deltaloraDraw = {plotly: plotly, palette: palette, layout: layout, axis: axis, escaped: escaped,
    numbersTable: numbersTable, addDownload: addDownload,
    register: function (figure, draw) { drawnFigures.push({figure: figure, draw: draw}); }};

  var figures = Array.from(document.querySelectorAll("figure.plot")).filter(function (figure) {
    return figure.dataset.source || figure.querySelector('script[type="application/json"]');
  });
  var near = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting) { near.unobserve(entry.target); load(entry.target); }
    });
  }, {rootMargin: "600px"});
  figures.forEach(function (figure) { near.observe(figure); });
  document.addEventListener("deltalora-theme", redraw);
  document.addEventListener("deltalora-filtered", redraw);
  var waiting = 0;
  var lastWidth = window.innerWidth;
  window.addEventListener("resize", function () {
    if (window.innerWidth === lastWidth) return;
    lastWidth = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 120);
  });
  window.addEventListener("beforeprint", function () { figures.forEach(load); });
})();

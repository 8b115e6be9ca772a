// Light or dark, before anything is painted: what was chosen here before, else what the system prefers.
(function () {
  "use strict";
  var root = document.documentElement;
  function kept() {
    try { return localStorage.getItem("deltalora-theme"); } catch (error) { return null; }
  }
  function current() {
    if (root.dataset.theme) return root.dataset.theme;
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  var before = kept();
  if (before === "light" || before === "dark") root.dataset.theme = before;
  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme");
    function name() { button.textContent = current() === "dark" ? "Light page" : "Dark page"; }
    button.hidden = false;
    name();
    button.addEventListener("click", function () {
      root.dataset.theme = current() === "dark" ? "light" : "dark";
      try { localStorage.setItem("deltalora-theme", root.dataset.theme); } catch (error) { /* for this visit only */ }
      name();
      document.dispatchEvent(new Event("deltalora-theme"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
      name();
      document.dispatchEvent(new Event("deltalora-theme"));
    });
  });
})();

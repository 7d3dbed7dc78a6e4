"use strict";
const search = document.getElementById("search"), none = document.getElementById("none"), nav = document.getElementById("nav"), menu = document.getElementById("menu");
const groups = [...nav.querySelectorAll("details")].map((d) => ({ d, open: d.open, items: [...d.querySelectorAll("li")] }));
const find = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const g of groups) {
    let here = false;
    for (const li of g.items) {
      li.hidden = !words.every((w) => li.dataset.find.includes(w));
      here ||= !li.hidden;
    }
    g.d.hidden = !here;
    g.d.open = words.length ? here : g.open;
    any ||= here;
  }
  none.hidden = any;
};
search.addEventListener("input", find);
menu.addEventListener("click", () => menu.setAttribute("aria-expanded", String(nav.classList.toggle("open"))));
document.addEventListener("keydown", (e) => {
  if (e.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { e.preventDefault(); search.focus(); }
  if (e.key === "Escape" && document.activeElement === search) { search.value = ""; find(); }
});
for (const b of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break; // only over TLS and on this machine
  b.hidden = false;
  const word = b.textContent;
  b.addEventListener("click", async () => {
    await navigator.clipboard.writeText(b.closest("section").querySelector(".curl").textContent);
    b.textContent = document.body.dataset.copied;
    setTimeout(() => (b.textContent = word), 1500);
  });
}

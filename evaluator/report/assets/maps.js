// Maps of embeddings: what they are coloured by, the clip below the pointer, and its sound.
"use strict";
for (const atlas of document.querySelectorAll(".atlas")) {
  const marks = [...atlas.querySelectorAll(".sheet-map .m")];
  const rows = [...atlas.querySelectorAll(".clip-table tbody tr")].sort((one, other) => one.dataset.clip - other.dataset.clip);
  const heads = [...atlas.querySelectorAll(".clip-table thead th")].map((each) => each.textContent.trim());
  const looks = rows.map((row) => row.dataset.looks.split(" "));
  const told = rows.map((row) => [...row.cells].map((cell) => cell.textContent));
  const legends = [...atlas.querySelectorAll(".legend")];
  const prefix = atlas.querySelector(".defs [id]").id.replace(/s0$/, "");
  const [nColours, nShapes] = [Number(atlas.dataset.colours), Number(atlas.dataset.shapes)];
  const now = atlas.querySelector(".clip-now");
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  atlas.append(tip);
  const chosen = (what) => atlas.querySelector(`.choices input[name$="-${what}"]:checked`)?.value;
  const colour = () => Number(chosen("colour") ?? 0);

  const paint = () => {
    const which = colour();
    const nKinds = Number(legends[which].dataset.kinds);
    const away = new Set([...legends[which].querySelectorAll("input:not(:checked)")].map((box) => box.value));
    for (const mark of marks) {
      const look = looks[mark.dataset.clip][which];
      const isNumber = look.startsWith("#");
      const kind = Number(look);
      const hasKind = !isNumber && kind < nKinds;
      const classes = ["m", isNumber ? "" : hasKind ? `c${kind % nColours}` : "cn", mark.classList.contains("now") ? "now" : "", !isNumber && away.has(look) ? "away" : ""];
      mark.setAttribute("class", classes.join(" "));
      mark.setAttribute("href", `#${prefix}s${hasKind ? Math.floor(kind / nColours) % nShapes : 0}`);
      if (isNumber) mark.setAttribute("fill", look);
      else mark.removeAttribute("fill");
    }
    legends.forEach((legend, index) => (legend.hidden = index !== which));
  };
  const show = () => {
    const method = chosen("method");
    if (method) for (const figure of atlas.querySelectorAll(".sheet figure")) figure.hidden = figure.dataset.method !== method;
    paint();
  };
  const describe = (clip) => told[clip].map((text, index) => (index && text ? `${heads[index]}: ${text}` : text)).filter(Boolean);

  const select = (clip, plays) => {
    for (const mark of marks) mark.classList.toggle("now", mark.dataset.clip === clip);
    now.replaceChildren();
    const text = document.createElement("p");
    text.textContent = describe(clip).join(" · ");
    now.append(text);
    const source = rows[clip].dataset.audio;
    if (source) {
      const player = document.createElement("audio");
      player.controls = true;
      player.src = source;
      player.setAttribute("aria-label", told[clip][0]);
      now.append(player);
      if (plays) player.play().catch(() => {});
    } else if (atlas.querySelector("tr[data-audio]")) text.textContent += " · no sound of this clip, to keep the page small";
  };
  const hover = (event, mark) => {
    tip.textContent = describe(mark.dataset.clip).join("\n");
    tip.hidden = false;
    const left = Math.min(event.clientX + 12, window.innerWidth - tip.offsetWidth - 6);
    const top = event.clientY + 14 + tip.offsetHeight > window.innerHeight ? event.clientY - tip.offsetHeight - 8 : event.clientY + 14;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${top}px`;
  };
  const place = (mark) => {
    const { e, f } = mark.transform.baseVal.consolidate().matrix;
    return [e, f];
  };
  // The nearest mark in the direction of an arrow: within 60 degrees of it, what lies aside counts double.
  const neighbour = (map, from, [across, down]) => {
    const [x, y] = place(from);
    let best = null;
    let least = Infinity;
    for (const mark of map.querySelectorAll(".m:not(.away)")) {
      if (mark === from) continue;
      const [dx, dy] = [place(mark)[0] - x, place(mark)[1] - y];
      const along = dx * across + dy * down;
      const aside = Math.abs(dx * down) + Math.abs(dy * across);
      if (along <= 0 || aside > 1.7 * along) continue;
      if (along + 2 * aside < least) [best, least] = [mark, along + 2 * aside];
    }
    return best;
  };
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  for (const map of atlas.querySelectorAll(".sheet-map")) {
    map.addEventListener("pointermove", (event) => {
      if (event.target.classList.contains("m")) hover(event, event.target);
      else tip.hidden = true;
    });
    map.addEventListener("pointerleave", () => (tip.hidden = true));
    map.addEventListener("click", (event) => {
      if (event.target.classList.contains("m")) select(event.target.dataset.clip, true);
    });
    map.addEventListener("keydown", (event) => {
      const current = map.querySelector(".m.now:not(.away)");
      if (event.key in arrows) {
        const next = current ? neighbour(map, current, arrows[event.key]) : map.querySelector(".m:not(.away)");
        if (next) select(next.dataset.clip, false);
      } else if ((event.key === "Enter" || event.key === " ") && current) select(current.dataset.clip, true);
      else return;
      event.preventDefault();
    });
  }
  atlas.addEventListener("change", (event) => (event.target.type === "radio" ? show() : paint()));
  show();
}

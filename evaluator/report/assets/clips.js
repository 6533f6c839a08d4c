// Players in sight know how long their sound is. A page may hold hundreds of them, and browsers refuse more than 75 that are ready
// at once, so that those out of sight go back to knowing nothing, but for one that plays or was stopped in the middle.
"use strict";
{
  const inSight = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target: player } of entries) {
        if (isIntersecting) player.preload = "metadata";
        else if (player.preload === "metadata" && player.paused && !player.played.length) {
          player.preload = "none";
          player.load();
        }
      }
    },
    { rootMargin: "200px" },
  );
  for (const player of document.querySelectorAll("audio[controls]")) inSight.observe(player);
  // One sound at a time.
  document.addEventListener("play", ({ target }) => {
    for (const player of document.querySelectorAll("audio")) if (player !== target) player.pause();
  }, true);
}

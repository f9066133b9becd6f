// A statement that now stands on another page is found there: old addresses keep working.
const id = decodeURIComponent(location.hash.slice(1));
if (id && !document.getElementById(id)) {
  const root = document.documentElement.dataset.content_root ?? "./";
  const answer = await fetch(`${root}claims.json`);
  const claims = answer.ok ? await answer.json() : [];
  const moved = claims.find((claim) => [claim.id, `evidence-${claim.id}`].includes(id));
  if (moved) location.replace(`${root}${moved.page.split("#")[0]}#${id}`);
}

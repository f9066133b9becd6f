// Boots Pyodide and runs smoke.py in it: node smoke.mjs <folder with wheels> <folder with notebooks>
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { loadPyodide, version } from "pyodide";

const [wheels, notebooks] = process.argv.slice(2);
try {
  // With its list of packages, which leads to its project's server, left empty, Pyodide asks PyPI.
  const lock = createRequire(import.meta.url)("pyodide/pyodide-lock.json");
  const pyodide = await loadPyodide({ lockFileContents: { ...lock, packages: {} } });
  console.log(`Pyodide ${version}`);
  pyodide.FS.mkdir("/wheels");
  for (const name of readdirSync(wheels)) {
    const wheel = new Uint8Array(readFileSync(`${wheels}/${name}`));
    if (name.startsWith("micropip-")) pyodide.unpackArchive(wheel, "wheel");
    else pyodide.FS.writeFile(`/wheels/${name}`, wheel);
  }
  pyodide.FS.mkdir("/notebooks");
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: notebooks }, "/notebooks");
  const script = readFileSync(new URL("smoke.py", import.meta.url), "utf8");
  await pyodide.runPythonAsync(`${script}\nawait main()`);
} catch (error) {
  // Not the stack: its first line is all of Pyodide.
  console.error(error.message);
  process.exit(1);
}

// The page behind `/`: sends one photograph to /predict and /explain of a model and shows what they say.
const form = document.querySelector("form");
const [photograph, overlay] = document.querySelectorAll("figure img");
const overlayCaption = document.querySelectorAll("figcaption")[1];
const drop = document.querySelector(".drop");
const status = document.querySelector("[role=status]");
const answer = document.querySelector("section");
let latest = 0; // answers of photographs before the last one are thrown away

function say(text) {
  status.textContent = text;
  status.hidden = !text;
}

async function ask(path, options) {
  const response = await fetch(path, options);
  const type = response.headers.get("content-type") ?? "";
  if (response.ok) return type.startsWith("image/") ? response.blob() : response.json();
  const problem = type.includes("json") ? await response.json() : {};
  throw new Error(problem.detail ?? `the gateway answered ${response.status}`);
}

async function loadModels() {
  const { models } = await ask("/models");
  form.model.replaceChildren(...models.map((model) => {
    const option = new Option(model.ready ? model.name : `${model.name} (not ready)`, model.name);
    option.selected = model.default;
    return option;
  }));
}

function showPrediction({ model, version, predictions: [prediction] }) {
  answer.querySelector("h2").textContent = prediction.label;
  answer.querySelector(".who").textContent = `${model}, version ${version}`;
  answer.querySelector("ol").replaceChildren(...prediction.top.map(({ label, probability }) => {
    const item = document.createElement("li");
    const meter = document.createElement("meter");
    meter.value = probability;
    const percent = document.createElement("span");
    percent.textContent = `${(100 * probability).toFixed(1)} %`;
    item.append(label, percent, meter);
    return item;
  }));
}

async function send(file) {
  const number = ++latest;
  const model = encodeURIComponent(form.model.value);
  const request = { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } };
  say("…");
  try {
    const prediction = await ask(`/models/${model}/predict`, request);
    if (number !== latest) return;
    show(photograph, file);
    showPrediction(prediction);
    overlay.removeAttribute("src");
    overlayCaption.textContent = "";
    answer.hidden = false;
    say("");
    await explain(model, request, number);
  } catch (error) {
    if (number !== latest) return;
    say(error.message);
    answer.hidden = true;
  }
}

async function explain(model, request, number) {
  try {
    const picture = await ask(`/models/${model}/explain`, {
      ...request, headers: { ...request.headers, Accept: "image/png" },
    });
    if (number !== latest) return;
    show(overlay, picture);
    overlayCaption.textContent = "where the model looked for it (Grad-CAM)";
  } catch (error) { // a model made elsewhere explains nothing; its labels stand all the same
    if (number === latest) overlayCaption.textContent = error.message;
  }
}

function show(image, blob) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
}

function sendFirst(files) {
  const [file] = files;
  if (file) send(file);
}

form.addEventListener("submit", (event) => event.preventDefault());
form.image.addEventListener("change", () => sendFirst(form.image.files));
form.model.addEventListener("change", () => sendFirst(form.image.files));
document.addEventListener("paste", (event) => sendFirst(event.clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  sendFirst(event.dataTransfer.files);
});
loadModels().catch((error) => say(error.message));

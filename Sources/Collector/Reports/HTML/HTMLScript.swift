/// The script that filters the hosts. The page is complete without it, and the controls stay hidden until it runs.
enum HTMLScript {
    static let code: StaticString = """

        "use strict";
        (() => {
          const find = (id) => document.getElementById(id);

          // A link to a host unfolds its row.
          const reveal = () => {
            const target = find(location.hash.slice(1));
            if (!target || !location.hash) return;
            for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
            target.scrollIntoView();
          };
          addEventListener("hashchange", reveal);
          reveal();

          for (const time of document.querySelectorAll("time")) {
            const moment = new Date(time.dateTime);
            if (!isNaN(moment)) time.title = "In your time zone: " + moment.toLocaleString();
          }

          const panel = find("filter"), statuses = find("statuses");
          if (!panel || !statuses) return;
          const text = find("text"), inventory = find("inventory"), found = find("found"), nothing = find("nothing");
          const boxes = [...statuses.querySelectorAll("input")];
          for (const control of [panel, ...boxes]) control.hidden = false;

          let entries;
          const index = () => entries ??= [...document.querySelectorAll(".hosts tbody tr")].map((row) => ({
            row,
            status: row.className,
            pairs: [...row.querySelectorAll("i")].map((pair) => pair.textContent),
            text: [...row.cells[0].childNodes, row.cells[3].firstChild, row.cells[4]]
              .map((part) => part.textContent).join(" ").toLowerCase(),
          }));

          const opened = new Set();
          const apply = () => {
            const words = text.value.toLowerCase().split(/\\s+/).filter(Boolean);
            const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
            const pair = inventory ? inventory.value : "";
            const isOn = words.length > 0 || wanted.size > 0 || pair !== "";
            let count = 0;
            for (const entry of index()) {
              const isShown = (!wanted.size || wanted.has(entry.status)) && (!pair || entry.pairs.includes(pair))
                && words.every((word) => entry.text.includes(word));
              if (entry.row.hidden === isShown) entry.row.hidden = !isShown;
              if (isShown) count += 1;
            }
            for (const part of document.querySelectorAll("#hosts .group, #hosts .fold, #hosts .hosts")) {
              part.hidden = !part.querySelector("tbody tr:not([hidden])");
            }
            for (const fold of document.querySelectorAll("#hosts .fold")) {
              const opens = isOn && count <= 500 && !fold.hidden;
              if (opens && !fold.open) {
                opened.add(fold);
                fold.open = true;
              } else if (!opens && opened.delete(fold)) {
                fold.open = false;
              }
            }
            nothing.hidden = count > 0;
            found.textContent = isOn ? count.toLocaleString("en") + " of " + index().length.toLocaleString("en") + " hosts" : "";
          };

          let timer;
          const soon = () => {
            clearTimeout(timer);
            timer = setTimeout(apply, 120);
          };
          text.addEventListener("input", soon);
          statuses.addEventListener("change", soon);
          if (inventory) inventory.addEventListener("change", soon);
          find("clear").addEventListener("click", () => {
            text.value = "";
            if (inventory) inventory.value = "";
            for (const box of boxes) box.checked = false;
            apply();
          });
          // Browsers restore controls after a reload.
          if (text.value || (inventory && inventory.value) || boxes.some((box) => box.checked)) apply();
        })();

        """
}

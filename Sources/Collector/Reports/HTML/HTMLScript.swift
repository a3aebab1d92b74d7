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
            text: [...row.cells[0].childNodes, row.cells[1], row.cells[3].firstChild, row.cells[4]]
              .map((part) => part.textContent).join(" ").toLowerCase(),
          }));

          // The hosts of a large fleet that have no row. See HTMLFleet for the form of the list.
          const list = find("fleet"), matches = find("matches"), more = find("more");
          if (list) find("searchable").hidden = false;
          let fleet;
          const others = () => {
            if (fleet || !list) return fleet ??= [];
            fleet = [];
            for (const group of JSON.parse(list.textContent)) {
              const after = group.after.split(",");
              const facts = [group.status, group.reason, group.serves, ...group.labels].join(" ").toLowerCase();
              let name = "";
              group.names.split("\\n").forEach((line, index) => {
                const start = parseInt(line[0], 36), end = parseInt(line[1], 36);
                name = name.slice(0, start) + line.slice(2) + name.slice(name.length - end);
                fleet.push({name, text: name.toLowerCase(), facts, group, after: after[index]});
              });
            }
            return fleet;
          };
          const item = ({name, group, after}) => {
            const add = (parent, kind, content) => parent.appendChild(document.createElement(kind)).append(content);
            const line = document.createElement("li");
            line.className = group.style;
            const host = document.createElement("span"), know = document.createElement("span");
            add(host, "bdi", name);
            if (group.labels.length) add(host, "small", group.labels.join(" "));
            line.append(host);
            add(line, "b", group.status);
            know.append(group.reason + (group.waived ? " (waived)" : ""));
            const rest = [group.serves && "serves " + group.serves, after && "converged after " + after / 10 + " s"];
            if (rest.some(Boolean)) add(know, "small", rest.filter(Boolean).join(", "));
            line.append(know);
            return line;
          };
          const search = (words, wanted, pair) => {
            const shown = words.length || wanted.size || pair ? others().filter(({text, facts, group}) =>
              (!wanted.size || wanted.has(group.style)) && (!pair || group.labels.includes(pair))
              && words.every((word) => text.includes(word) || facts.includes(word))) : [];
            matches.replaceChildren(...shown.slice(0, 200).map(item));
            more.textContent = shown.length > 200
              ? "The first 200 of " + shown.length.toLocaleString("en") + " hosts found here are shown." : "";
            return shown.length;
          };

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
            const rows = count;
            if (list) count += search(words, wanted, pair);
            for (const part of document.querySelectorAll("#hosts .group, #hosts .fold, #hosts .hosts")) {
              part.hidden = !part.querySelector("tbody tr:not([hidden])");
            }
            for (const fold of document.querySelectorAll("#hosts .fold")) {
              const opens = isOn && rows <= 500 && !fold.hidden;
              if (opens && !fold.open) {
                opened.add(fold);
                fold.open = true;
              } else if (!opens && opened.delete(fold)) {
                fold.open = false;
              }
            }
            nothing.hidden = count > 0 || !isOn;
            const all = isOn ? index().length + others().length : 0;
            found.textContent = isOn ? count.toLocaleString("en") + " of " + all.toLocaleString("en") + " hosts" : "";
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
          // A link to a host without a row searches for it.
          const seek = () => {
            if (!list || !location.hash.startsWith("#host-") || find(location.hash.slice(1))) return;
            text.value = decodeURIComponent(location.hash.slice(6));
            apply();
            find("others").scrollIntoView();
          };
          addEventListener("hashchange", seek);
          seek();
          // Browsers restore controls after a reload.
          if (text.value || (inventory && inventory.value) || boxes.some((box) => box.checked)) apply();
        })();

        """
}

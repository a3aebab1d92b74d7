import Shared

/// The details of the run that an audit needs: target, policy, inventory, evidence, promotion and drift.
package struct HTMLRunDetails {
    private typealias Row = (name: Markup, value: Markup)

    let report: Report

    package init(report: Report) {
        self.report = report
    }

    package var section: Markup {
        """
        <section class="panel about" id="about"><h2>About this verification</h2>
        <div class="columns">
        \(list("Target", target))\(list("Policy", policy))\(list("Inventory", inventory))\(list("Run", run))\
        \(list("Evidence", evidence))\(list("Promotion", promotion))\(list("Drift", drift))</div></section>

        """
    }

    private var target: [Row] {
        let target = report.target
        var rows: [Row] = [
            ("service", "\(target.service, limit: 128)"),
            ("commit", target.gitSHA.map { "<code>\($0.hex)</code>" } ?? "not given"),
            ("digest", target.digest.map { "<code>\($0.description)</code>" } ?? "not given"),
        ]
        if let image = target.image { rows.append(("image", "<code>\(image)</code>")) }
        if let generation = target.generation { rows.append(("promotion", "no. \(generation) of this service")) }
        if !target.equivalentDigests.isEmpty { rows.append(("the same image", equivalents)) }
        return rows
    }

    private var promotion: [Row] {
        guard let promotion = report.promotion else { return [] }
        var rows: [Row] = [
            ("tag", "<code>\(promotion.image, limit: 300)</code>"), ("by", "\(promotion.actor, limit: 200)"),
        ]
        rows += promotion.steps.map { ("\($0.step, limit: 40)", "\($0.message, limit: 600)") }
        if let pin = report.pin { rows.append(("pin", "<code>\(pin, limit: 300)</code>")) }
        return rows
    }

    private var drift: [Row] {
        guard let drift = report.drift else { return [] }
        let tag = drift.tag?.digest?.description ?? "nothing"
        let rows: [Row] = [("tag", "<code>\(drift.image, limit: 300)</code> is <code>\(tag)</code>")]
        return rows + drift.findings.map { ("\($0.kind.rawValue, limit: 40)", "\($0.message, limit: 600)") }
    }

    /// Other digests that prove the target. An index can name many.
    private var equivalents: Markup {
        let items: [Markup] = report.target.equivalentDigests.map {
            "<li>\($0.platform ?? "any platform", limit: 64), \($0.kind, limit: 64) <code>\($0.digest.description)</code></li>"
        }
        return """
            <details><summary>\(ReportText.counted(items.count, "equivalent digest", "equivalent digests"))\
            </summary><ul>\(items.joined())</ul></details>
            """
    }

    /// Every setting under the flag that sets it.
    private var policy: [Row] {
        // The policy of a status only says that each host is asked once.
        (report.sweep == nil ? report.policy.settings : []).map { ("\($0.flag)", "\($0.value, limit: 400)") }
    }

    private var inventory: [Row] {
        [
            ("source", "\(report.inventory.source)"),
            ("hash", "<code>\(report.inventory.hash, limit: 128)</code>"),
            ("hosts", "\(report.inventory.extent, limit: 1_024)"),
            ("waived", "\(ReportText.count(report.summary.waived))"),
        ]
    }

    private var run: [Row] {
        let run = report.verification
        return [
            ("verification", "<code>\(run.id, limit: 128)</code>"),
            ("started", moment(run.startedAt)),
            ("finished", moment(run.finishedAt)),
            ("took", "\(ReportText.duration(run.durationSeconds))"),
            ("collector", "buildinfo-collector \(run.collector.version, limit: 64)"),
        ]
    }

    private func moment(_ timestamp: String) -> Markup {
        "<time datetime=\"\(timestamp, limit: 64)\">\(ReportText.moment(timestamp), limit: 64)</time>"
    }

    private var evidence: [Row] {
        guard let hash = report.evidence?.hash else { return [] }
        let prefix = "sha256:"
        let digits = hash.hasPrefix(prefix) ? String(hash.dropFirst(prefix.count)) : hash
        return [
            ("file", "The evidence file replays this verification."),
            ("hash", "<code>\(hash, limit: 128)</code>"),
            ("check", "<code>sha256sum FILE</code> must print <code>\(digits, limit: 128)</code>"),
        ]
    }

    private func list(_ name: StaticString, _ rows: [Row]) -> Markup {
        guard !rows.isEmpty else { return "" }
        let items: [Markup] = rows.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" }
        return "<section><h3>\(name)</h3><dl>\(items.joined())</dl></section>\n"
    }
}

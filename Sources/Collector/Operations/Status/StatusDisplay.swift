import CollectorSupport
import Foundation
import Reports
import Shared
import Synchronization
import Verdict

/// The display of a watched status: redrawn in place on a terminal; elsewhere one line per change, with a timestamp.
///
/// Nothing old is shown as fresh: each value has its age, and one that is older than three intervals becomes `?`.
final class StatusDisplay: Sendable {
    private let terminal: Terminal
    private let style: ProgressMode.Style
    private let interval: Duration
    private let content: Mutex<Content>
    private let clock = ContinuousClock()

    fileprivate struct Content {
        var lines: RedrawnLines
        var start: ContinuousClock.Instant
        var lastFlush: Duration?
        var lastFrame: [String] = []
        /// The last known row of each host, by its name, over all sessions.
        var rows: [String: StatusRow] = [:]
        /// What the log says about each host.
        var written: [String: StatusRow.Key] = [:]
        var writtenProblem: String?
        var hasSummary = false
    }

    /// How often the screen or the log is brought up to date.
    private static let refresh = Duration.milliseconds(500)
    /// How long a log waits for the first answer of each host before it begins.
    private static let patience = Duration.seconds(10)

    init(on terminal: Terminal, style: ProgressMode.Style, interval: Duration) {
        self.terminal = terminal
        self.style = style
        self.interval = interval
        content = Mutex(Content(lines: RedrawnLines(on: terminal), start: ContinuousClock.now))
    }

    /// A new session begins: its times count from now.
    func begin() {
        content.withLock {
            $0.start = clock.now
            $0.lastFlush = nil
        }
    }

    /// - Parameter isLast: true to bring the display up to date whatever was shown before.
    func flush(_ verification: Verification, at now: Duration, problem: String?, isLast: Bool = false) {
        content.withLock { content in
            if !isLast, let last = content.lastFlush, now - last < Self.refresh { return }
            content.lastFlush = now
            let rows = content.update(verification, at: now)
            let board = StatusBoard(
                target: verification.target, rows: rows, interval: interval, moment: content.start + now,
                problem: problem)
            switch style {
            case .live(let usesColor):
                let size = content.lines.size
                let frame = board.frame(columns: size.columns, rows: size.rows, time: Date(), usesColor: usesColor)
                if frame != content.lastFrame { content.lines.draw(frame) }
                content.lastFrame = frame
                if isLast { content.lines.keep() }
            case .plain, .none:
                guard content.hasSummary || verification.isEveryHostAsked || now >= Self.patience || isLast else {
                    return
                }
                for line in content.news(board) { terminal.write("\(Date().rfc3339)  \(line)\n") }
            }
        }
    }
}

extension StatusDisplay.Content {
    /// The rows of the present hosts, in the inventory's order. A host that has not answered in this session keeps its row.
    fileprivate mutating func update(_ verification: Verification, at now: Duration) -> [StatusRow] {
        var known: [String: StatusRow] = [:]
        known.reserveCapacity(verification.tracks.count)
        let rows = verification.tracks.indices.map { host in
            let name = verification.tracks[host].host.name
            var row = StatusRow(verification, host: host, at: now, start: start)
            if row.status == nil, let before = self.rows[name] { row = before }
            known[name] = row
            return row
        }
        self.rows = known
        return rows
    }

    /// The lines of a log about what changed since the last call.
    fileprivate mutating func news(_ board: StatusBoard) -> [String] {
        var lines: [String] = []
        if board.problem != writtenProblem {
            lines.append(board.problem.map { "warning: \($0)" } ?? "inventory and ledger can be read again")
            writtenProblem = board.problem
        }
        let isFirst = !hasSummary
        hasSummary = true
        if isFirst { lines.append(board.summary) }
        var changed: [(line: String, status: String)] = []
        var present: Set<String> = []
        for row in board.rows {
            present.insert(row.name)
            // A new host that has not been asked yet: its first answer, or its silence, is the news.
            if row.status == nil, row.seen == nil { continue }
            let key = row.key(at: board.moment, limit: board.limit)
            let before = written.updateValue(key, forKey: row.name)
            guard before != key, !(isFirst && key.isWell) else { continue }
            let was = before.flatMap { $0.status == key.status ? nil : $0.text }.map { " (was \($0))" } ?? ""
            changed.append((row.line(key, was: was, text: board.text(of: row)), key.text))
        }
        for name in written.keys.filter({ !present.contains($0) }).sorted() {
            written[name] = nil
            changed.append(("\(Sanitizer.singleLine(name, limit: 64)): gone from the inventory", "gone"))
        }
        guard changed.count > StatusBoard.maximumLines else { return lines + changed.map(\.line) }
        let counts = Dictionary(changed.dropFirst(StatusBoard.maximumLines).map { ($0.status, 1) }, uniquingKeysWith: +)
        let rest = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return lines + changed.prefix(StatusBoard.maximumLines).map(\.line) + ["and more changes: \(rest)"]
    }
}

/// One host of a watched status.
struct StatusRow: Sendable {
    /// What a log says about a host. A new line appears if it changes.
    struct Key: Hashable, Sendable {
        /// nil if the value is too old, or the host was never asked.
        var status: SweepStatus?
        var build: String?
        var code: HostReason.Code?

        var text: String { status?.text ?? "unknown, too long ago" }
        var isWell: Bool { status == .onTarget || status == .answered }
    }

    let name: String
    let isWaived: Bool
    /// nil if the host has not been asked yet.
    let status: SweepStatus?
    /// The build that the host serves, or served when it last told.
    let build: String?
    /// When the service was observed; nil if never.
    let seen: ContinuousClock.Instant?
    let reason: HostReason
    let text: String
    /// The text while the target is not wanted elsewhere: a host on another build stays there.
    let heldText: String
    /// True if the host, or a newer promotion, speaks against bringing other hosts to the target.
    let isHolding: Bool

    init(_ verification: Verification, host: Int, at now: Duration, start: ContinuousClock.Instant) {
        let policy = verification.policy
        let track = verification.tracks[host]
        let isCompared = verification.target.isComparable
        name = track.host.name
        isWaived = track.host.isWaived
        status =
            track.attempts == 0
            ? nil
            : SweepStatus(track, isCompared: isCompared, isStale: track.isStale(at: now, policy: policy))
        build = track.evidence.flatMap { $0.gitSHA.value?.short ?? $0.shownDigest?.short }
        seen = track.observedAt.map { start + $0 }
        reason = track.reason(at: now, policy: policy)
        let full = reason.text
        var held = full.withoutRollout(reason.code)
        if status == .behind, track.facts.build.isOther, let build {
            held = .leaving(
                on: build, full, code: reason.code, runtime: track.facts.runtime,
                verification.successor == nil ? .failed : .superseded)
        }
        // Without a target every host lacks one, which the first line says.
        let isExplained = isCompared || status != .answered
        text = isExplained ? Sanitizer.singleLine(full.sentence) : ""
        heldText = isExplained ? Sanitizer.singleLine(held.sentence) : ""
        isHolding =
            verification.successor != nil
            || !isWaived && (status == .failing || track.status == .failed || track.status == .rolledBack)
    }

    /// True if the value is too old to be shown as one.
    func isOld(at moment: ContinuousClock.Instant, limit: Duration) -> Bool {
        seen.map { moment - $0 > limit } ?? false
    }

    /// The status as it may be shown at a time. Without an answer in this session, only the age tells.
    func shownStatus(at moment: ContinuousClock.Instant, limit: Duration) -> SweepStatus? {
        switch status {
        case .onTarget, .starting, .answered, .behind, .ahead, .mixed: isOld(at: moment, limit: limit) ? nil : status
        default: status
        }
    }

    func key(at moment: ContinuousClock.Instant, limit: Duration) -> Key {
        Key(
            status: shownStatus(at: moment, limit: limit), build: isOld(at: moment, limit: limit) ? nil : build,
            code: status == .onTarget ? nil : reason.code)
    }

    fileprivate func line(_ key: Key, was: String, text: String) -> String {
        let verb = key.status == .noAnswer || key.status == .unknown ? "last served" : "serves"
        let serves = key.build.map { ", \(verb) \($0)" } ?? ""
        let why = text.isEmpty || key.status == nil || key.status == .onTarget ? "" : " - \(text)"
        return "\(Sanitizer.singleLine(name, limit: 64)): \(key.text)\(was)\(serves)\(why)"
    }
}

/// A whole watched status at one moment.
struct StatusBoard: Sendable {
    let target: Target
    let rows: [StatusRow]
    let interval: Duration
    let moment: ContinuousClock.Instant
    let problem: String?
    private let isHeld: Bool

    /// The most lines of a log at a time.
    static let maximumLines = 100

    init(
        target: Target, rows: [StatusRow], interval: Duration, moment: ContinuousClock.Instant, problem: String?
    ) {
        self.target = target
        self.rows = rows
        self.interval = interval
        self.moment = moment
        self.problem = problem
        isHeld = rows.contains(where: \.isHolding)
    }

    /// The words about a host. A build that fails on one host must not be recommended to the next one.
    func text(of row: StatusRow) -> String { isHeld ? row.heldText : row.text }

    /// The age from which a value is no longer shown as one: three intervals, of at least two seconds each, as for a
    /// verification.
    var limit: Duration { max(interval, .seconds(2)) * 3 }

    private func status(_ row: StatusRow) -> SweepStatus? { row.shownStatus(at: moment, limit: limit) }

    /// For example `on target now: 37 of 40 hosts, 2 behind, 1 no answer`.
    var summary: String {
        let counted = rows.filter { !$0.isWaived }
        guard !counted.isEmpty else { return rows.isEmpty ? "no hosts in the inventory" : "every host is waived" }
        let counts = counts(of: counted)
        let well: [SweepStatus] = target.isComparable ? [.onTarget] : [.answered]
        let count = well.reduce(0) { $0 + (counts[$1] ?? 0) }
        let first =
            target.isComparable
            ? "on target now: \(count) of \(counted.count.hostCount)"
            : "\(count) of \(counted.count.hostCount) answered"
        return ([first] + texts(counts, without: well)).joined(separator: ", ")
    }

    private func counts(of rows: [StatusRow]) -> [SweepStatus?: Int] {
        Dictionary(rows.map { (status($0), 1) }, uniquingKeysWith: +)
    }

    private func texts(_ counts: [SweepStatus?: Int], without skipped: [SweepStatus] = []) -> [String] {
        let known = SweepStatus.allCases.filter { !skipped.contains($0) }
        return known.compactMap { status in counts[status].map { "\($0) \(status.text)" } }
            + [counts[SweepStatus?.none].map { "\($0) ?" }].compactMap { $0 }
    }

    /// The lines of one frame: fewer than `rows`, each shorter than `columns`.
    func frame(columns: Int, rows height: Int, time: Date, usesColor: Bool) -> [String] {
        let build = [target.gitSHA?.short, target.digest?.short].compactMap { $0 }.joined(separator: " ")
        let head = [
            Sanitizer.singleLine(target.service, limit: 40), build.isEmpty ? "(nothing to compare with)" : build,
            "every \(interval.brief)", "\(time.rfc3339.dropFirst(11).prefix(8)) UTC", "Ctrl-C ends",
        ]
        var lines = [head.joined(separator: "  "), summary]
        if let problem { lines.append("! \(problem)") }
        // The last line of a terminal stays free for the cursor, and one may be needed for the hosts that do not fit.
        let sorted = rows.enumerated().sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
            .map(\.element)
        let room = max(0, height - 1 - lines.count)
        let shown = sorted.count <= room ? sorted[...] : sorted.prefix(max(0, room - 1))
        let width = min(28, max(4, shown.map(\.name.displayWidth).max() ?? 0))
        var result = lines.map { $0.clipped(toColumns: columns) }
        result += shown.map { line($0, width: width, columns: columns, usesColor: usesColor) }
        if shown.count < sorted.count {
            let rest = sorted[shown.endIndex...]
            let text = "  and \(rest.count) more: \(texts(counts(of: Array(rest))).joined(separator: ", "))"
            result.append(text.clipped(toColumns: columns))
        }
        return result
    }

    /// Worst first; what is not known comes before what is merely behind.
    private func rank(_ row: StatusRow) -> Int {
        let all = SweepStatus.allCases
        guard let status = status(row) else { return (all.firstIndex(of: .unknown) ?? 0) * 2 + 1 }
        return (all.firstIndex(of: status) ?? 0) * 2
    }

    private func line(_ row: StatusRow, width: Int, columns: Int, usesColor: Bool) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text.clipped(toColumns: width + 1).padded(toColumns: width)
        }
        let status = status(row)
        let isOld = row.isOld(at: moment, limit: limit)
        let isAlert = status == .failing || status == .conflict || status == .noAnswer || status == .unknown
        let mark = isAlert ? "!" : status == .onTarget || status == .answered ? " " : status == nil ? "?" : "·"
        let age = row.seen.map { max(.zero, moment - $0).wholeText } ?? "-"
        let note = row.isWaived ? "(waived) " : ""
        let old = isOld ? row.build.map { "was \($0); " } ?? "" : ""
        let why = status == .onTarget ? "" : status == nil && !isOld ? "not answered yet" : text(of: row)
        let text = [
            mark, padded(Sanitizer.singleLine(row.name, limit: 255), width), padded(status?.text ?? "?", 12),
            padded(isOld ? "?" : row.build ?? "-", 12), padded(age, 5), note + old + why,
        ].joined(separator: " ")
        var line = text.clipped(toColumns: columns)
        while line.last == " " { line.removeLast() }
        guard usesColor else { return line }
        if isAlert { return "\u{1B}[31m\(line)\u{1B}[0m" }
        return isOld || status == nil ? "\u{1B}[2m\(line)\u{1B}[0m" : line
    }
}

extension Duration {
    /// A running age in its largest unit: `4s`, `12m`, `3h`.
    fileprivate var wholeText: String {
        let seconds = components.seconds
        if seconds < 120 { return "\(seconds)s" }
        return seconds < 7_200 ? "\(seconds / 60)m" : "\(seconds / 3_600)h"
    }
}

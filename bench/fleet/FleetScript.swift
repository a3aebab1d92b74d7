import Shared

/// The script of a fleet: who does what, and when.
struct FleetScript: Sendable {
    /// One line: `TIME HOSTS ACTION [DURATION]`.
    struct Step: Sendable {
        var time: Duration
        var hosts: Selection
        var action: Action
    }

    /// The hosts of a step. Numbers count from 1.
    enum Selection: Sendable {
        case all
        case range(ClosedRange<Int>)
        /// So many hosts, chosen at random, in parts per million.
        case share(millionths: Int)
    }

    enum Action: Sendable {
        case change(HostState.Change)
        /// Each host changes to the target at a random time within the span.
        case converge(over: Duration)
        /// The hosts change to the target in order, evenly distributed over the span.
        case roll(over: Duration)
    }

    var steps: [Step] = []

    static let form = "write TIME HOSTS ACTION [DURATION], for example '10s 1-100 slow 2s'"

    /// Parses a script. Empty lines and text after `#` are ignored.
    init(parsing text: String) throws(FleetError) {
        var number = 0
        for line in text.split(separator: "\n" as Character, omittingEmptySubsequences: false) {
            number += 1
            let content = line.prefix { $0 != "#" }
            let words = content.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map { String($0) }
            guard !words.isEmpty else { continue }
            do throws(Problem) {
                steps.append(try Self.step(words))
            } catch {
                throw .script(line: number, text: words.joined(separator: " "), problem: error.text)
            }
        }
    }

    init(_ steps: [Step] = []) { self.steps = steps }

    private struct Problem: Error { let text: String }

    private static func step(_ words: [String]) throws(Problem) -> Step {
        guard words.count >= 3 else { throw Problem(text: "has too few words: \(form)") }
        let time = try duration(words[0])
        guard let hosts = Selection(parsing: words[1]) else {
            throw Problem(
                text:
                    "has no hosts '\(words[1])': write all, a number such as 7, a range such as 1-100, or a share such as 1%"
            )
        }
        let takesDuration = ["converge", "roll", "slow"].contains(words[2])
        guard words.count == (takesDuration ? 4 : 3) else {
            throw Problem(
                text: takesDuration ? "needs one duration after '\(words[2])': \(form)" : "has too many words: \(form)")
        }
        let action: Action
        switch words[2] {
        case "former": action = .change(.serve(.former))
        case "target": action = .change(.serve(.target))
        case "answer": action = .change(.react(.answer))
        case "hang": action = .change(.react(.hang))
        case "refuse": action = .change(.react(.refuse))
        case "error": action = .change(.react(.error))
        case "unhealthy": action = .change(.health(isGood: false))
        case "healthy": action = .change(.health(isGood: true))
        case "restart": action = .change(.restart)
        case "converge": action = .converge(over: try duration(words[3]))
        case "roll": action = .roll(over: try duration(words[3]))
        case "slow":
            let delay = try duration(words[3])
            guard delay <= .seconds(60) else { throw Problem(text: "has a delay of more than 60 s: write at most 60s") }
            action = .change(.delay(milliseconds: UInt16(delay.seconds * 1_000)))
        default:
            throw Problem(
                text:
                    "has an unknown action '\(words[2])': write former, target, converge D, roll D, hang, refuse, error, answer, slow D, restart, unhealthy or healthy"
            )
        }
        return Step(time: time, hosts: hosts, action: action)
    }

    private static func duration(_ word: String) throws(Problem) -> Duration {
        do throws(Duration.ParseError) {
            return try Duration(parsing: word)
        } catch {
            throw Problem(text: "has a time '\(word)' that \(error)")
        }
    }
}

extension FleetScript.Selection {
    /// `all`, `7`, `1-100` or `1%`; nil for anything else.
    init?(parsing text: String) {
        if text == "all" {
            self = .all
        } else if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), (0...100).contains(percent) else { return nil }
            self = .share(millionths: Int((percent * 10_000).rounded()))
        } else {
            let ends = text.split(separator: "-" as Character, omittingEmptySubsequences: false)
            guard let first = ends.first.flatMap({ Int($0) }), let last = ends.last.flatMap({ Int($0) }),
                ends.count <= 2,
                first >= 1, last >= first
            else { return nil }
            self = .range(first...last)
        }
    }
}

/// The changes of all hosts in the order of time.
struct Schedule: Sendable {
    /// 16 bytes.
    struct Entry: Sendable {
        /// Microseconds after the start.
        var time: UInt64
        /// The host's number minus one.
        var host: UInt32
        var change: HostState.Change
    }

    private(set) var entries: [Entry] = []

    /// - Parameter seed: the same seed gives the same schedule.
    init(_ script: FleetScript, hosts: Int, seed: UInt64) {
        var random = Random(state: seed)
        for step in script.steps {
            let time = UInt64(step.time.seconds * 1_000_000)
            let chosen = Self.hosts(step.hosts, of: hosts, &random)
            for (order, host) in chosen.enumerated() {
                var entry = Entry(time: time, host: UInt32(host), change: .serve(.target))
                switch step.action {
                case .change(let change): entry.change = change
                case .converge(let span):
                    entry.time += UInt64(span.seconds * 1_000_000 * Double.random(in: 0..<1, using: &random))
                case .roll(let span):
                    entry.time += UInt64(span.seconds * 1_000_000 * Double(order) / Double(chosen.count))
                }
                entries.append(entry)
            }
        }
        // Steps at the same time are taken in the order of the script: the sort is stable.
        entries.sort { $0.time < $1.time }
    }

    /// The chosen hosts as numbers from 0, in ascending order.
    private static func hosts(_ selection: FleetScript.Selection, of count: Int, _ random: inout Random) -> [Int] {
        switch selection {
        case .all: return Array(0..<count)
        case .range(let range): return Array(range.clamped(to: 1...count)).filter { range.contains($0) }.map { $0 - 1 }
        case .share(let millionths):
            var left = (count * millionths + 500_000) / 1_000_000
            if millionths > 0 { left = max(left, 1) }
            var chosen: [Int] = []
            for host in 0..<count where Int.random(in: 0..<(count - host), using: &random) < left {
                chosen.append(host)
                left -= 1
            }
            return chosen
        }
    }
}

/// SplitMix64, so that a seed always gives the same fleet.
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

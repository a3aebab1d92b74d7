import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger

@Suite("String interner")
struct StringInternerTests {
    @Test("Changing lists of names give each name one number, as a dictionary would")
    func lists() {
        var random = SplitMix64(seed: 7)
        var names = StringInterner()
        var known: [String: Int] = [:]
        var fleet = (0..<20).map { "host-\($0)" }
        for round in 0..<200 {
            names.beginList()
            for name in fleet {
                let number = names.number(of: name)
                #expect(number == known[name, default: known.count])
                known[name] = number
                #expect(names.names[number] == name)
            }
            if random.chance(50), !fleet.isEmpty { fleet.remove(at: random.pick(0, fleet.count - 1)) }
            if random.chance(50) { fleet.insert("host-\(round)", at: random.pick(0, fleet.count)) }
            if random.chance(10) { fleet.shuffle(using: &random) }
        }
        #expect(names.names.count == known.count)
    }
}

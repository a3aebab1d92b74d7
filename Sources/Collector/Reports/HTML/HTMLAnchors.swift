/// The id of each host's row: `host-NAME` where that is short and harmless, so that links outlive one report, and else
/// `row-N`. No two are equal.
struct HTMLAnchors {
    private let ids: [String]

    init(_ hosts: [Report.Host]) {
        var used: Set<String> = []
        ids = hosts.enumerated().map { index, host in
            let name = "host-\(host.name)"
            guard Self.isHarmless(host.name), used.insert(name).inserted else { return "row-\(index + 1)" }
            return name
        }
    }

    subscript(index: Int) -> String { ids[index] }

    private static func isHarmless(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

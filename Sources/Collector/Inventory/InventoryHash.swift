import Shared
import Verdict

/// Identifies a frozen inventory: equal hosts give an equal hash, whatever their order and the format that listed them.
///
/// SHA-256 over the hosts by name (in bytewise order). Every field is written as its length in bytes, a colon and its
/// bytes (a netstring without the comma), and `-` stands for one that is not there, so that no two inventories share a
/// serialisation. Whether a waiver had run out is left out: it is the clock's, not the inventory's.
enum InventoryHash {
    static func of(_ hosts: [ExpectedHost]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hosts.count * 128)
        func field(_ text: String?) {
            guard let text else {
                bytes.append(UInt8(ascii: "-"))
                return
            }
            bytes += "\(text.utf8.count):".utf8
            bytes += text.utf8
        }
        for host in hosts.sorted(by: { isBefore($0.name, $1.name) }) {
            field(host.name)
            field(host.url)
            field(host.id)
            field("\(host.labels.count)")
            for (key, value) in host.labels.sorted(by: { isBefore($0.key, $1.key) }) {
                field(key)
                field(value)
            }
            field(host.waiver?.until)
            field(host.waiver?.reason)
            field(host.waiver?.by)
        }
        return "sha256:" + Hexadecimal.encode(SHA256.hash(bytes))
    }

    private static func isBefore(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }
}

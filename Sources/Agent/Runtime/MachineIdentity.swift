import AgentCore
import Glibc
import Shared

/// The origin of the host's identity.
///
/// The id is an HMAC of the machine id, as `machine-id(5)` requires: "This ID uniquely identifies the host. It should be
/// considered confidential … hash it with a cryptographic, keyed hash function, using a fixed, application-specific key."
/// (As in `sd_id128_get_machine_app_specific`, the machine id is the key, and the application's id is the message.)
struct MachineIdentity: Sendable {
    /// The files to read the machine id from, in this order.
    var machineIDPaths: [String]
    var bootIDPath: String
    var hostName: @Sendable () -> String

    static let system = MachineIdentity(
        machineIDPaths: ["/etc/machine-id", "/var/lib/dbus/machine-id"],
        bootIDPath: "/proc/sys/kernel/random/boot_id",
        hostName: Self.systemHostName)

    static let hostApplication = "buildinfo-agent host id 1"
    static let bootApplication = "buildinfo-agent boot id 1"

    /// The identity that documents carry.
    ///
    /// - Parameters:
    ///   - id: from `--host-id`; nil derives one.
    ///   - name: from `--host-name`; nil uses the system's.
    func host(id: String?, name: String?) throws(AgentError) -> HostIdentity {
        HostIdentity(id: try hostID(id), name: try name.map(checkedName) ?? systemName, bootID: bootID)
    }

    private func hostID(_ given: String?) throws(AgentError) -> String {
        if let given {
            let isPlain = given.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
            guard isPlain, (8...64).contains(given.utf8.count) else {
                throw .hostID(Sanitizer.singleLine(given, limit: 100))
            }
            return given
        }
        for path in machineIDPaths {
            guard case .success(let bytes) = SmallFile.read(path, limit: 128) else { continue }
            let text = String(decoding: bytes, as: UTF8.self).trimmed
            // An image contains "uninitialized" before its first boot.
            guard text.utf8.count == 32, text.utf8.allSatisfy(\.isASCIIAlphanumeric) else { continue }
            return Self.derived(Self.hostApplication, key: text.lowercased())
        }
        throw .noMachineID
    }

    private func checkedName(_ name: String) throws(AgentError) -> String {
        guard !name.isEmpty, name.unicodeScalars.count <= 255, Sanitizer.isVisibleLine(name) else {
            throw .hostName(Sanitizer.singleLine(name, limit: 100))
        }
        return name
    }

    private var systemName: String {
        let name = Sanitizer.singleLine(hostName(), limit: 255)
        return name.isEmpty ? "localhost" : name
    }

    private var bootID: String {
        guard case .success(let bytes) = SmallFile.read(bootIDPath, limit: 128) else { return "" }
        let text = String(decoding: bytes, as: UTF8.self).trimmed
        return text.isEmpty ? "" : Self.derived(Self.bootApplication, key: text)
    }

    private static func derived(_ application: String, key: String) -> String {
        String(Hexadecimal.encode(SHA256.authenticationCode(for: application.utf8, key: Array(key.utf8))).prefix(32))
    }

    @Sendable private static func systemHostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

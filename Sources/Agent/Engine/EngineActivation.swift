import AgentCore
import Glibc
import Shared
import Synchronization

/// Keeps the agent from starting an engine: systemd starts a stopped Docker when a client connects to `docker.socket`.
///
/// Everything is read from world-readable files, without D-Bus or a name service. Unit files show which socket unit listens
/// at a path, and `/run/systemd/units` has a link `invocation:UNIT` for each unit that is not inactive. The link still
/// exists while the service is being stopped. A connection at that time would wait in the socket's queue and start the
/// service again. So if `buildinfo-engine@SERVICE.service` is installed, its link must exist, too: systemd stops that unit
/// before the service and starts it after the service.
///
/// `podman.service` is always queried: it holds no containers, is designed to be started by requests, and ends by itself.
final class EngineActivation: Sendable {
    static let system = EngineActivation(root: "")

    private struct Lookup {
        /// The service that the socket unit starts; nil if no unit listens at the path.
        var service: String?
        /// The modification times of the unit folders.
        var stamps: [Int64]
        var madeAt: ContinuousClock.Instant
    }

    /// Unit folders in descending priority. Source: `systemd.unit(5)`, "Unit File Load Path".
    private static let folders = [
        "/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator", "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system", "/lib/systemd/system",
    ]
    /// The lifetime of a lookup: editing a drop-in in place does not change the folder's modification time.
    private static let freshness = Duration.seconds(600)
    private static let unitLimit = 64 * 1_024

    private let root: String
    private let lookups = Mutex<[String: Lookup]>([:])

    /// - Parameter root: a prefix of every path; empty except in tests.
    init(root: String) {
        self.root = root
    }

    /// The failure to report instead of connecting, if a connection would start an engine; nil if it would not.
    ///
    /// - Parameter path: the path of the engine's socket.
    func failure(connectingTo path: String) -> EngineFailure? {
        guard exists("/run/systemd/system"), let service = service(listeningAt: path) else { return nil }
        guard service != "podman.service" else { return nil }
        let name = service.hasSuffix(".service") ? String(service.dropLast(".service".count)) : service
        guard exists("/run/systemd/units/invocation:\(service)") else {
            return EngineFailure(
                .unreachable,
                "\(service) is not running, and a connection to \(path) would start it: systemctl start \(name)")
        }
        let mark = "buildinfo-engine@\(name).service"
        let isMarked = Self.folders.contains { exists("\($0)/\(service).wants/\(mark)") }
        guard !isMarked || exists("/run/systemd/units/invocation:\(mark)") else {
            return EngineFailure(
                .unreachable,
                "\(service) is being started or stopped, and a connection to \(path) could start it again: "
                    + "systemctl status \(name)"
            )
        }
        return nil
    }

    /// The service that systemd starts when a client connects to the path.
    private func service(listeningAt path: String) -> String? {
        let place = resolved(path)
        let (now, stamps) = (ContinuousClock.now, Self.folders.map(changed))
        let known = lookups.withLock { $0[place] }
        if let known, known.stamps == stamps, now - known.madeAt < Self.freshness { return known.service }
        let service = searchedService(place)
        lookups.withLock { $0[place] = Lookup(service: service, stamps: stamps, madeAt: now) }
        return service
    }

    private func searchedService(_ place: String) -> String? {
        var seen: Set<String> = []
        for folder in Self.folders {
            for name in names(in: folder) where name.hasSuffix(".socket") {
                // A file in an earlier folder hides those of the same name.
                guard seen.insert(name).inserted else { continue }
                let texts = [text("\(folder)/\(name)")] + dropIns(of: name)
                let unit = SocketUnit(texts.compactMap { $0 })
                guard unit.paths.contains(where: { resolved($0) == place }) else { continue }
                return unit.service ?? "\(name.dropLast(".socket".count)).service"
            }
        }
        return nil
    }

    private func dropIns(of name: String) -> [String?] {
        var files: [String: String] = [:]
        for folder in Self.folders.reversed() {
            for file in names(in: "\(folder)/\(name).d") where file.hasSuffix(".conf") {
                files[file] = "\(folder)/\(name).d/\(file)"
            }
        }
        return files.sorted { $0.key < $1.key }.map { text($0.value) }
    }

    // MARK: - Files

    private func exists(_ path: String) -> Bool {
        var status = stat()
        // The links in /run/systemd/units are dangling.
        return lstat(root + path, &status) == 0
    }

    private func changed(_ path: String) -> Int64 {
        var status = stat()
        guard stat(root + path, &status) == 0 else { return 0 }
        return Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }

    private func text(_ path: String) -> String? {
        guard case .success(let bytes) = SmallFile.read(root + path, limit: Self.unitLimit) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func names(in folder: String) -> [String] {
        guard let handle = opendir(root + folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names.sorted()
    }

    /// The canonical path of a socket; `/var/run` is `/run`.
    private func resolved(_ path: String) -> String {
        if root.isEmpty, let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        return path.hasPrefix("/var/run/") ? String(path.dropFirst("/var".count)) : path
    }
}

/// The listening paths and the service of a systemd socket unit.
struct SocketUnit: Hashable {
    /// `ListenStream=` paths.
    private(set) var paths: [String] = []
    /// `Service=`; nil if the unit's own name decides.
    private(set) var service: String?

    /// - Parameter texts: the unit's file, then its drop-ins in order.
    init(_ texts: [String]) {
        for text in texts {
            var isSocketSection = false
            for line in text.split(whereSeparator: \.isNewline) {
                let line = line.drop { $0 == " " || $0 == "\t" }
                if line.first == "[" {
                    isSocketSection = line.hasPrefix("[Socket]")
                    continue
                }
                guard isSocketSection, let equals = line.firstIndex(of: "=") else { continue }
                let key = String(line[..<equals]).trimmed
                let value = String(line[line.index(after: equals)...]).trimmed
                switch key {
                // An empty value resets the list.
                case "ListenStream" where value.isEmpty: paths = []
                case "ListenStream": paths.append(value.replacing("%t", with: "/run"))
                case "Service": service = value.isEmpty ? nil : value
                default: break
                }
            }
        }
        paths.removeAll { !$0.hasPrefix("/") }
    }
}

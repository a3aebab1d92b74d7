import CollectorSupport
import Glibc
import Shared
package import Transfer

/// A switch that stops all promotions. It counts as off only if it was read as off.
///
/// ```swift
/// let killSwitch = try options.killSwitch(environment: environment, web: web) { try forgeOptions.forge(…) }
/// try await killSwitch.requireOff(before: deadline)      // exit code 41 unless off; reads all sources each time
/// ```
package struct KillSwitch: Sendable {
    /// The combined reading: that of the first source that is not off.
    package enum Reading: Hashable, Sendable {
        case off
        case on(String)
        case unreadable(String)
    }

    package let sources: [KillSwitchSource]
    /// The process's environment.
    package let environment: [String: String]
    /// The forge, required if a source is an Actions variable.
    package let forge: (any Forge)?
    package let web: WebClient
    /// A PEM bundle of authorities for URLs; nil to trust the system's.
    package let certificateAuthorities: String?
    /// The change that the switch holds, in one word.
    private var action = "promotion"
    /// The subject of the change, for example `canvas to production`; nil if there is none.
    private var subject: String?

    private static let requestTimeout = Duration.seconds(10)
    private let clock = ContinuousClock()

    package init(
        sources: [KillSwitchSource], environment: [String: String], forge: (any Forge)? = nil, web: WebClient,
        certificateAuthorities: String? = nil, subject: String? = nil
    ) {
        self.sources = sources
        self.environment = environment
        self.forge = forge
        self.web = web
        self.certificateAuthorities = certificateAuthorities
        self.subject = subject
    }

    /// The same switch, for a rollback.
    ///
    /// - Parameter subject: for example `canvas in production`.
    package func holdingRollback(of subject: String) -> KillSwitch {
        var copy = self
        (copy.action, copy.subject) = ("rollback", subject)
        return copy
    }

    /// Reads all sources, without caching and without retries.
    package func read(before deadline: ContinuousClock.Instant) async -> Reading {
        for source in sources {
            let reading = await read(source, before: deadline)
            if reading != .off { return reading }
        }
        return .off
    }

    /// - Throws: ``GateError/refused(_:by:)`` unless every source was read and is off.
    package func requireOff(before deadline: ContinuousClock.Instant) async throws(GateError) {
        let held = "\(action) \(subject.map { "of \($0) " } ?? "")held"
        switch await read(before: deadline) {
        case .off: return
        case .on(let reason): throw .refused("\(held): the kill switch is on: \(reason)", by: .killSwitch)
        case .unreadable(let reason): throw .refused("\(held): the kill switch \(reason)", by: .unreadableKillSwitch)
        }
    }

    private func read(_ source: KillSwitchSource, before deadline: ContinuousClock.Instant) async -> Reading {
        switch source {
        case .environment(let name): return Self.judge(environment[name], source)
        case .file(let path):
            switch KillSwitchFile.read(path) {
            case .absent: return .off
            case .text(let text): return Self.judge(text, source)
            case .unreadable(let reason): return Self.unreadable(source, reason)
            }
        case .url(let url): return await read(url: url, source, before: deadline)
        case .variable(let name, let owner, let kind):
            guard let forge, forge.kind == kind else {
                return Self.unreadable(source, "it needs \(kind.name); give --forge and --forge-url")
            }
            do throws(ForgeError) {
                let end = min(deadline, clock.now + Self.requestTimeout)
                return Self.judge(try await forge.variable(name, of: owner, before: end), source)
            } catch {
                return Self.unreadable(source, "\(error)")
            }
        }
    }

    private static func unreadable(_ source: KillSwitchSource, _ reason: String) -> Reading {
        .unreadable("\(source) cannot be checked (\(reason))")
    }

    private func read(
        url: String, _ source: KillSwitchSource, before deadline: ContinuousClock.Instant
    ) async -> Reading {
        let left = clock.now.duration(to: deadline)
        guard left > .zero else { return Self.unreadable(source, "no time left") }
        let access = RequestCredentials(
            certificateAuthorities: certificateAuthorities, usesProxy: !url.lowercased().hasPrefix("http://"))
        let answer: TransferResponse
        do throws(TransferFailure) {
            answer = try await web.send(
                WebRequest(
                    url: url, headers: [("Accept", "text/plain"), ("Cache-Control", "no-cache")],
                    within: min(left, Self.requestTimeout), access: access))
        } catch {
            return Self.unreadable(source, "no response: \(error.detail)")
        }
        guard answer.status == 200 else { return Self.unreadable(source, "status \(answer.status) instead of 200") }
        let type = (answer.headers["content-type"] ?? "").lowercased()
        guard !type.contains("html") else {
            return Self.unreadable(source, "HTML instead of a value; check for a proxy or a login page in front of it")
        }
        guard answer.body.count <= KillSwitchFile.limit, let text = String(validating: answer.body, as: UTF8.self)
        else {
            return Self.unreadable(source, "the value is not a short text")
        }
        return Self.judge(text, source)
    }

    /// - Parameter value: nil if it is certainly not set.
    private static func judge(_ value: String?, _ source: KillSwitchSource) -> Reading {
        guard let value, !KillSwitchValue.isOff(value) else { return .off }
        return .on("\(source) is \(KillSwitchValue.shown(value))")
    }
}

/// The file of a kill switch.
enum KillSwitchFile {
    /// The largest file, in bytes: a larger one is not a kill switch.
    static let limit = 4_096

    enum Content: Hashable {
        case text(String)
        /// The file does not exist, but its folder does.
        case absent
        case unreadable(String)
    }

    static func read(_ path: String) -> Content {
        do throws(BoundedFile.ReadError) {
            let bytes = try BoundedFile.read(path, limit: limit, requiresRegular: true)
            guard let text = String(validating: bytes, as: UTF8.self) else { return .unreadable("it is not UTF-8") }
            return .text(text)
        } catch {
            switch error {
            case .system(let code): return missing(path, code)
            case .notRegular, .tooLarge: return .unreadable("it \(error.reason)")
            }
        }
    }

    /// The meaning of a failed open. The file is absent only if its folder exists: a missing folder or a dangling link may be
    /// a mistake, or a disk that is not mounted.
    private static func missing(_ path: String, _ error: Int32) -> Content {
        guard error == ENOENT else { return .unreadable(reason(error)) }
        var status = stat()
        guard lstat(path, &status) != 0, errno == ENOENT else { return .unreadable("it is a dangling link") }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return .unreadable("its folder is missing")
        }
        return .absent
    }

    private static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }
}

/// The meaning of a kill switch's value.
enum KillSwitchValue {
    private static let off: Set<String> = ["", "0", "false", "no", "off"]

    /// True only for the known words, ignoring case and surrounding ASCII whitespace. Any other text, even a no-break space,
    /// blocks promotions.
    static func isOff(_ text: some StringProtocol) -> Bool {
        off.contains(text.trimmingASCIIWhitespace.lowercased())
    }

    /// The value for a message. A long one is not shown, since it may be a secret named by mistake.
    static func shown(_ text: some StringProtocol) -> String {
        let value = text.trimmingASCIIWhitespace
        return value.utf8.count <= 16 ? "'\(Sanitizer.singleLine(value))'" : "a text of \(value.utf8.count) bytes"
    }
}

extension StringProtocol {
    /// The text without ASCII whitespace at both ends.
    fileprivate var trimmingASCIIWhitespace: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }
        let start = Array(utf8.drop(while: isBlank))
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(decoding: start[...last], as: UTF8.self)
    }
}

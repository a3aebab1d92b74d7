import Foundation
import Glibc
import Shared

/// Who promotes, for the journal: one line.
package enum PromotionActor {
    /// - Parameter flag: what was said; else the pipeline's actor and run, else the user and the machine.
    package static func name(flag: String?, environment: [String: String]) -> String {
        if let flag, !flag.isEmpty { return Sanitizer.singleLine(flag, limit: 200) }
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let actor = set("GITHUB_ACTOR") {
            let run = [set("GITHUB_REPOSITORY"), set("GITHUB_WORKFLOW"), set("GITHUB_RUN_ID").map { "run \($0)" }]
            let place = run.compactMap { $0 }.joined(separator: ", ")
            return Sanitizer.singleLine(place.isEmpty ? actor : "\(actor) (\(place))", limit: 200)
        }
        let user = set("SUDO_USER") ?? set("USER") ?? set("LOGNAME") ?? account
        return Sanitizer.singleLine("\(user)@\(ProcessInfo.processInfo.hostName)", limit: 200)
    }

    /// Whose process it is, as the system's accounts have it; the number where they do not.
    private static var account: String {
        let number = getuid()
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        guard getpwuid_r(number, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else { return "uid \(number)" }
        return String(cString: name)
    }
}

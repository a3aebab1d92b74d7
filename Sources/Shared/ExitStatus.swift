/// The exit codes of both programs. Scripts and pipelines rely on them: a code keeps its meaning.
public enum ExitStatus: Int32, CaseIterable, Sendable {
    /// Success: verdicts `converged` and `converged_tolerated`; `superseded` with `--superseded-ok`.
    case success = 0
    /// An internal error, a replay with a different result, or a drill that misjudged a fleet. `buildinfo-agent print`:
    /// the service is not serving.
    case failure = 1
    /// The deadline passed and hosts still serve an older build. `doctor`: something stands in the way of a proof.
    case stragglers = 10
    /// No progress for `--stall`.
    case stalled = 11
    /// Hosts crash-loop, are unhealthy, exited, or run the wrong image.
    case failedDeploy = 20
    /// Hosts matched the target, then went back to another build.
    case rolledBack = 21
    /// Hosts gave no usable answer.
    case unreachable = 30
    /// Most hosts were lost within one interval, so the cause is probably on the collector's side.
    case inconclusive = 31
    /// A newer promotion took over.
    case superseded = 40
    /// The gate refused: CI, kill switch, ancestry, or another writer.
    case refused = 41
    /// The inventory is empty, too small, or much smaller than last time.
    case inventory = 50
    /// Another host answered, or two answered with one id.
    case identityConflict = 60
    /// Invalid usage or configuration; `EX_USAGE` of sysexits.h.
    case usage = 64
    /// A required service, file or device is unavailable; `EX_UNAVAILABLE` of sysexits.h.
    case unavailable = 69
    /// SIGHUP ended the program: 128 and the signal's number, as shells report it.
    case hangup = 129
    /// SIGINT ended the program.
    case interrupt = 130
    /// SIGTERM ended the program.
    case terminated = 143

    /// The status of a run that a signal ended: SIGHUP (1), SIGINT (2) or SIGTERM (15).
    public static func interrupted(by signal: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + signal) ?? .terminated }
}

/// An error that ends the program with an exit status of its own. Its description is one sentence.
public protocol ExitCoded: Error, CustomStringConvertible {
    var exitStatus: ExitStatus { get }
}

extension ExitCoded {
    public var exitCode: Int32 { exitStatus.rawValue }
}

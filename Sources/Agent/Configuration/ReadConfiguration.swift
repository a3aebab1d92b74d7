/// What a service reads of flags, environment and file when it starts, and again at each reload.
struct ReadConfiguration: Sendable {
    /// Applied at a reload.
    var evidence: EvidenceConfiguration
    /// Told at a reload.
    var standing: StandingKeys
}

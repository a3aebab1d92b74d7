/// What a service reads of flags, environment and file when it starts, and again at each reload.
struct LoadedConfiguration: Sendable {
    /// Applied at a reload.
    var evidence: SourceConfiguration
    /// Told at a reload.
    var standing: RestartOnlySettings
}

// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// The kernels that read and write pages of one element type.
struct KVOperations {
    let attend:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<apus_attention_query>, Int, Int, Int,
            UnsafeMutablePointer<Float>
        ) -> Void
    let store:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<UInt8>, Int, UnsafePointer<Float>,
            UnsafePointer<Float>
        ) -> Void
    let attendLatent:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafePointer<UnsafePointer<Float>>, Int, Int,
            UnsafePointer<UnsafeMutablePointer<Float>>, UnsafeMutablePointer<Float>
        ) -> Void
    let storeLatent:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<UInt8>, Int, UnsafePointer<Float>
        ) -> Void
    let loadLatents:
        @convention(c) (
            UnsafePointer<apus_kv_view>, Int, Int, UnsafeMutablePointer<Float>
        ) -> Void

    init(_ type: KVType, isa: apus_isa) {
        let operations = apus_vectors(isa).pointee
        switch type {
        case .f16:
            attend = operations.attend_f16
            store = operations.store_f16
            attendLatent = operations.attend_latent_f16
            storeLatent = operations.store_latent_f16
            loadLatents = operations.load_latents_f16
        case .f32:
            attend = operations.attend_f32
            store = operations.store_f32
            attendLatent = operations.attend_latent_f32
            storeLatent = operations.store_latent_f32
            loadLatents = operations.load_latents_f32
        }
    }
}

"""Why a detector says what it says: heat maps, spectra, residuals.

Only `grad_cam` and `detector` need TensorFlow; what they write, `record` reads without it.

Example:
    heat = grad_cam(model, faces.pixels[rows])
    covered = occlusion_maps(score, faces.pixels[rows])
"""

#include "unit.h"

CU_TestInfo base_settings_tests[] = {
	CU_TEST_INFO_NULL,
};
